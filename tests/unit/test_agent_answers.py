"""The shapes of what agents answer, and how they are asked."""

import pytest
from pydantic import ValidationError

from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.agents import outputs
from huntaze.ai.agents.outputs import Caption, Idea, Post, judgements, several
from huntaze.ids import new_id
from tests.fakes.scripted_writer import ScriptedWriter


def test_exactly_as_many_as_were_asked_for():
    shape = several(Caption, 2)
    assert shape is several(Caption, 2)
    two = {"items": [{"text": "a"}, {"text": "b"}]}
    assert [one.text for one in shape.model_validate(two).items] == ["a", "b"]
    for count in (1, 3):
        with pytest.raises(ValidationError):
            shape.model_validate({"items": [{"text": "a"}] * count})
    items = shape.model_json_schema()["properties"]["items"]
    assert (items["minItems"], items["maxItems"]) == (2, 2)


def test_each_text_has_a_judgement_by_its_name():
    shape = judgements(2)
    fine = {"allowed": True, "reason": "fine"}
    assert shape.model_validate({"text_1": fine, "text_2": fine})
    with pytest.raises(ValidationError):
        shape.model_validate({"text_1": fine})
    assert sorted(shape.model_json_schema()["required"]) == ["text_1", "text_2"]


@pytest.mark.parametrize("text", ["", "  ", "x" * 601, "\x00"])
def test_a_caption_is_neither_empty_nor_endless(text):
    with pytest.raises(ValidationError):
        Caption(text=text)


def test_hashtags_are_words():
    post = Post(caption="Hi", hashtags=["#Slow Morning", "café!", "a_b"])
    assert post.hashtags == ["slowmorning", "café", "ab"]
    with pytest.raises(ValidationError):
        Post(caption="Hi", hashtags=["#", "b", "c"])


def test_lengths_are_no_part_of_the_schema():
    # Strict schemas of providers refuse some words; what they refuse must not be there.
    shapes = [Idea, Post, outputs.Analysis, outputs.Style, outputs.Recommendations, outputs.Cited]
    for shape in [*shapes, several(Caption, 2), judgements(2)]:
        assert "Length" not in str(shape.model_json_schema())


def test_a_request_says_who_asks_for_whom():
    writer = ScriptedWriter(Caption(text="Hi"))
    client = agents.Client(new_id(), new_id(), agents.Voice(platform="onlyfans"), new_id())
    answer = agents.ask(
        writer,
        agents.CONTENT,
        ai.Task.CAPTIONS,
        client,
        {"subject": "tea"},
        Caption,
        output_tokens=50,
        complexity=9,
    )
    assert answer.value == Caption(text="Hi")
    ((request, prompt),) = writer.asked
    assert (request.agent, request.task, request.complexity) == ("content", "captions", 9)
    assert (request.workspace_id, request.creator_id) == (client.workspace_id, client.creator_id)
    assert request.campaign_id == client.campaign_id
    assert '"subject": "tea"' in prompt.suffix
    assert prompt.prefix == agents.prefix_of(agents.CONTENT, client.voice)


def test_an_idea_is_of_a_kind_that_the_library_has():
    with pytest.raises(ValidationError):
        Idea(title="t", description="d", kind="hologram", platform="p", search_words=[])
