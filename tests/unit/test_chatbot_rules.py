"""The chatbot's rules by themselves: pace, distance, hours, guards."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.chatbot.distance import distance
from functions.chatbot.guards import objections
from functions.chatbot.handover import findings
from functions.chatbot.matching import fits
from functions.chatbot.models import (
    AwayCondition,
    KeywordCondition,
    Moment,
    TimeCondition,
    gravest,
)
from functions.chatbot.pacing import delay
from huntaze.ai.agents.outputs import Topic
from huntaze.domain.dangers import GRAVE

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEXTS = st.text(max_size=40)
CLOCKS = st.times()
TOPICS = st.sampled_from([*(topic.value for topic in Topic), "needs_person", "boundary"])


def moment(text: str = "", now: datetime = NOON, fan_zone: str | None = None) -> Moment:
    """A message at noon in Greenwich, to a creator in Paris."""
    return Moment(text, is_first=False, now=now, fan_zone=fan_zone, creator_zone="Europe/Paris")


@given(read=st.text(max_size=2000), written=st.text(max_size=600), chance=st.floats(0, 1))
def test_nobody_answers_at_once_or_never(read, written, chance):
    pause = delay(read, written, chance)
    assert timedelta(seconds=12) <= pause <= timedelta(seconds=300)
    assert delay(read, written + "!", chance) >= pause


@given(topics=st.lists(TOPICS, min_size=1, max_size=3))
def test_no_topic_hides_a_danger(topics):
    named = gravest(topics)
    assert named in topics
    assert (named in GRAVE) == bool(GRAVE & {*topics})
    assert named in {*Topic} or not {*Topic} & {*topics}


@given(one=TEXTS, other=TEXTS, third=TEXTS)
def test_a_distance_is_a_distance(one, other, third):
    assert (distance(one, other) == 0) == (one == other)
    assert distance(one, other) == distance(other, one)
    assert distance(one, third) <= distance(one, other) + distance(other, third)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


@given(one=st.text("ab c", max_size=80), other=st.text("ab c", max_size=80))
def test_a_distance_is_what_the_table_says(one, other):
    row = list(range(len(other) + 1))
    for place, sign in enumerate(one, 1):
        diagonal, row[0] = row[0], place
        for column, wanted in enumerate(other, 1):
            least = min(row[column] + 1, row[column - 1] + 1, diagonal + (sign != wanted))
            diagonal, row[column] = row[column], least
    assert distance(one, other) == row[-1]


@pytest.mark.parametrize(
    ("zone", "fan_zone", "holds"),
    [
        ("creator", None, True),
        ("fan", None, True),
        ("fan", "UTC", False),
        ("fan", "no/zone", False),
        ("creator", "UTC", True),
    ],
)
def test_hours_are_of_whose_clock_it_says(zone, fan_zone, holds):
    # Noon in Greenwich is two o'clock in Paris.
    condition = TimeCondition(kind="time", begins=time(13), ends=time(15), zone=zone)
    assert fits(condition, moment(fan_zone=fan_zone)) is holds


@given(begins=CLOCKS, ends=CLOCKS, hour=st.integers(0, 23))
def test_hours_and_the_other_hours_are_the_whole_day(begins, ends, hour):
    if begins == ends:
        return
    at = moment(now=NOON.replace(hour=hour))
    inside, outside = (
        fits(TimeCondition(kind="time", begins=one, ends=other), at)
        for one, other in ((begins, ends), (ends, begins))
    )
    assert inside is not outside


def test_words_are_words_of_their_own():
    some = KeywordCondition(kind="keyword", words=["menu", "Price list"])
    assert fits(some, moment("The MENU, please"))
    assert fits(some, moment("your price list?"))
    assert not fits(some, moment("menus"))
    every = some.model_copy(update={"match": "all"})
    assert not fits(every, moment("menu"))
    assert fits(every, moment("menu and price list"))


def test_an_absence_has_an_end_or_none():
    assert fits(AwayCondition(kind="away"), moment())
    ended = AwayCondition(kind="away", ends=NOON)
    assert not fits(ended, moment())
    assert fits(ended, moment(now=NOON - timedelta(seconds=1)))
    assert not fits(AwayCondition(kind="away", begins=NOON + timedelta(days=1)), moment())


@pytest.mark.parametrize(
    ("condition", "hours", "fit"),
    [
        (TimeCondition(kind="time", begins=time(11), ends=time(18), zone="fan"), 5, True),
        (TimeCondition(kind="time", begins=time(11), ends=time(18), zone="fan"), 6, False),
        (TimeCondition(kind="time", begins=time(9), ends=time(9), zone="fan"), 6, True),
        (AwayCondition(kind="away", ends=NOON + timedelta(hours=6)), 5, True),
        (AwayCondition(kind="away", ends=NOON + timedelta(hours=6)), 6, False),
        (AwayCondition(kind="away"), 6, True),
        (KeywordCondition(kind="keyword", words=["menu"]), 6, True),
    ],
)
def test_an_answer_of_the_clock_must_hold_when_it_goes_out(condition, hours, fit):
    now = moment("menu", fan_zone="UTC")
    assert fits(condition, now)
    assert fits(condition, replace(now, goes_out=NOON + timedelta(hours=hours))) is fit


@pytest.mark.parametrize(
    "text",
    ["Tea first, then the story!", "I am free tomorrow morning, and you?", "Wow, 12 km? Respect."],
)
def test_what_anybody_may_say_is_no_objection(text):
    assert objections(text, heard="Good morning", told=["You are one of the assistants."]) == []


@pytest.mark.parametrize(
    "text", ["It is 5€", "Only ten bucks", "vingt balles", "99 cents", "USD5", "30%", "half price"]
)
def test_a_reply_that_names_an_amount_is_refused(text):
    assert "guard: it names an amount" in objections(text)


@pytest.mark.parametrize("text", ["I gave it my all", "A cent for your thoughts", "half asleep"])
def test_a_reply_without_an_amount_is_not(text):
    assert objections(text) == []


def test_what_was_told_may_not_be_repeated_but_for_the_creators_own_words():
    told = "Answer what was asked before you say anything else."
    reply = f"Well: {told}"
    assert objections(reply, told=[told]) == ["guard: it repeats what the model was told"]
    assert objections(reply, told=[told], own_words=[told]) == []


@pytest.mark.parametrize("run", ["a", "a1", "x-", "a.", "[", "{a", "0a", "a "])
def test_the_longest_message_is_read_to_its_end(run):
    """Where a rule looks at a run anew from each of its signs, this does not end."""
    found = findings(run * (20_000 // len(run)), platform="fan_platform")
    assert "injection" in {one.topic.value for one in found}
