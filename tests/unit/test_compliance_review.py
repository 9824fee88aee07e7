"""Both checks together: the rules first, then a model; without it nothing is approved."""

import json

import pytest

from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.agents.outputs import Judgement, judgements
from huntaze.domain.compliance.review import forbidden_topics_in, review
from huntaze.ids import new_id
from tests.fakes.scripted_writer import ScriptedWriter

VOICE = agents.Voice(platform="onlyfans", forbidden_topics=("my family", "Élise"))
CLIENT = agents.Client(new_id(), new_id(), VOICE)


def judged(*allowed: bool):
    each = {
        f"text_{number}": Judgement(allowed=one, reason="fine" if one else "a hint")
        for number, one in enumerate(allowed, 1)
    }
    return judgements(len(allowed))(**each)


def reviewed(texts, *answers):
    writer = ScriptedWriter(*answers)
    return review(texts, platforms=["onlyfans"], writer=writer, client=CLIENT), writer


def test_each_text_has_its_own_verdict():
    found, writer = reviewed(
        ["one", "find me on telegram", "two", "about My Family", "three", "avec élise"],
        judged(True, False, True),
    )
    assert [one.approved for one in found.each] == [True, False, False, False, True, False]
    assert [one.reasons for one in found.each] == [
        [],
        ["off_platform_contact: “telegram”"],
        ["meaning: a hint"],
        ["forbidden_topic: “my family”"],
        [],
        ["forbidden_topic: “Élise”"],
    ]
    ((request, prompt),) = writer.asked
    assert (request.task, request.agent) == ("compliance_check", "onlyfans")
    data = json.loads(prompt.suffix.partition("<data>")[2].partition("</data>")[0])
    assert data["texts"] == {"text_1": "one", "text_2": "two", "text_3": "three"}


@pytest.mark.parametrize(
    "text",
    [
        "parlons de l\u2019école",
        "l'e\u0301cole est finie",
        "l'ecole",
        "mon ex\u00a0mari",
        "mon ex\u2011mari",
        "my fa\u200bmily",
        "my f\u0430mily",
    ],
)
def test_a_topic_is_found_however_it_is_typed(text):
    voice = agents.Voice(
        platform="onlyfans", forbidden_topics=("l'école", "mon ex-mari", "my family", "\u200b")
    )
    assert len(forbidden_topics_in(text, voice)) == 1


def test_a_topic_is_found_as_words_only():
    found, _ = reviewed(["my familyname"], judged(True))
    assert found.each[0].approved


@pytest.mark.parametrize(
    "outage",
    [
        ai.NoAnswerError("away"),
        ai.UnusableAnswerError("odd"),
        ai.BudgetUsedUpError("spent", retry_after=1),
    ],
)
def test_an_outage_approves_nothing(outage):
    found, _ = reviewed(["one", "two"], outage)
    assert [one.approved for one in found.each] == [False, False]
    assert found.outage is outage


def test_what_was_checked_before_an_outage_stays_checked():
    found, writer = reviewed(
        [f"text {number}" for number in range(25)], judged(*[True] * 20), ai.NoAnswerError("away")
    )
    assert [one.approved for one in found.each] == [True] * 20 + [False] * 5
    assert len(writer.asked) == 2


def test_nothing_to_look_at_asks_no_model():
    found, writer = reviewed(["find me on telegram"])
    assert not found.each[0].approved
    assert writer.asked == []
