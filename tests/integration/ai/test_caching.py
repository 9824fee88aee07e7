"""Prefixes that providers keep, answers that we keep, and what became of them."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from huntaze import ai, clients
from huntaze.ai.answers import DynamoAnswers
from huntaze.ai.keys import StageKeys
from huntaze.errors import InvalidInputError, NotFoundError
from huntaze.ids import new_id
from tests.fakes.model_desk import CACHE, Captions


def test_a_prefix_is_written_once_and_read_at_its_price_after(desk):
    first = desk.router().generate(desk.asking(), desk.prompt("One."), Captions)
    second = desk.router().generate(desk.asking(), desk.prompt("Two."), Captions)
    assert first.usage.written_tokens >= 1024
    assert second.usage.cached_tokens == first.usage.written_tokens
    plain = second.usage.input_tokens - second.usage.cached_tokens
    assert second.cost_nanos == (
        plain * 100 + second.usage.cached_tokens * 10 + second.usage.output_tokens * 500
    )


def test_no_key_passes_fifteen_requests(desk):
    router = desk.router()
    for number in range(32):
        router.generate(desk.asking(), desk.prompt(f"Number {number}."), Captions)
    keys = Counter(asked["cache_key"] for asked in desk.state.asked)
    assert sorted(keys.values()) == [2, 15, 15]


def test_another_creators_or_agents_prefix_has_another_key(desk):
    router = desk.router()
    for more in ({}, {"creator_id": None}, {"agent": "chat"}):
        router.generate(desk.asking(**more), desk.prompt(), Captions)
    assert len({asked["cache_key"] for asked in desk.state.asked}) == 3


def test_a_prefix_that_is_too_short_to_be_kept_has_no_key(desk):
    desk.router().generate(desk.asking(), ai.Prompt(prefix="Short.", suffix="x"), Captions)
    assert [asked["cache_key"] for asked in desk.state.asked] == [None]


def test_the_same_question_of_a_deterministic_task_is_asked_once(desk, books):
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat")
    first = desk.router().generate(asking, desk.prompt(), Captions)
    again = desk.router().generate(asking, desk.prompt(), Captions)
    assert again.value == first.value
    assert (again.cached, again.provider, again.cost_nanos) == (True, None, 0)
    assert again.generation_id != first.generation_id
    assert len(desk.state.asked) == 1
    # A hit is a row, too: of no cost, and of no tokens.
    assert books(
        "SELECT cost_nanos, (facts->>'cached')::boolean FROM ai_calls ORDER BY cost_nanos"
    ) == [(0, True), (first.cost_nanos, False)]


@pytest.mark.parametrize(
    "other",
    [
        {"creator_id": None},
        {"agent": "content"},
        {"critical": True},
        {"output_tokens": 150},
        {"task": ai.Task.INSIGHTS},
    ],
)
def test_another_question_is_asked(desk, other):
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat")
    desk.router().generate(asking, desk.prompt(), Captions)
    answer = desk.router().generate(asking.model_copy(update=other), desk.prompt(), Captions)
    assert not answer.cached


def test_another_workspace_never_gets_the_answer(desk, tenant_factory):
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat", creator_id=None)
    desk.router().generate(asking, desk.prompt(), Captions)
    theirs = asking.model_copy(update={"workspace_id": tenant_factory().workspace_id})
    assert not desk.router().generate(theirs, desk.prompt(), Captions).cached


def test_what_should_come_out_differently_each_time_is_never_kept(desk):
    for _ in range(2):
        assert not desk.router().generate(desk.asking(), desk.prompt(), Captions).cached


def test_a_kept_answer_ends_with_its_time(desk):
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat")
    desk.router().generate(asking, desk.prompt(), Captions)
    in_two_days = datetime.now(UTC) + timedelta(days=2)
    late = desk.router(now=lambda: in_two_days)
    assert not late.generate(asking, desk.prompt(), Captions).cached


def test_the_table_of_answers_tells_nobody_what_was_said(desk):
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat")
    answer = desk.router().generate(asking, desk.prompt("Jane said: meet me."), Captions)
    items = clients.dynamodb().scan(TableName=CACHE)["Items"]
    mine = [item for item in items if item["workspace_id"]["S"] == str(desk.workspace_id)]
    assert len(mine) == 1
    for words in (b"Jane", answer.value.mood.encode()):
        assert words not in repr(mine).encode()


@pytest.mark.parametrize("key", ["another", ""])
def test_with_another_secret_everything_is_asked_again(desk, key):
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat")
    desk.router().generate(asking, desk.prompt(), Captions)
    answers = DynamoAnswers(CACHE, StageKeys(lambda: {"answers": key}))
    assert not desk.router(answers=answers).generate(asking, desk.prompt(), Captions).cached


def test_an_answer_that_was_put_under_another_question_does_not_open(desk):
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat")
    answers = desk.tools().answers
    now = datetime.now(UTC)
    answers.keep("one", asking, "said", now=now, kept_for=timedelta(hours=1))
    assert answers.find("one", asking, now) == "said"
    item = clients.dynamodb().get_item(TableName=CACHE, Key={"question": {"S": "one"}})["Item"]
    clients.dynamodb().put_item(TableName=CACHE, Item={**item, "question": {"S": "two"}})
    assert answers.find("two", asking, now) is None


def test_an_answer_that_cannot_be_opened_is_asked_for_again(desk):
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat")
    tools = desk.tools()
    tools.answers._table = "gone"
    for _ in range(2):
        assert (
            not desk.router(answers=tools.answers).generate(asking, desk.prompt(), Captions).cached
        )


def test_the_outcome_of_a_generation_is_recorded(desk, tenant, books):
    answer = desk.router().generate(desk.asking(), desk.prompt(), Captions)
    by = new_id()
    with tenant(desk.workspace_id).transaction() as connection:
        ai.record_outcome(
            connection, answer.generation_id, ai.Outcome.EDITED, by=by, satisfaction=4
        )
        ai.record_outcome(connection, answer.generation_id, ai.Outcome.ACCEPTED, by=by)
    assert books("SELECT outcome, outcome_by, satisfaction FROM ai_generations") == [
        ("accepted", by, 4)
    ]


def test_the_outcome_of_anothers_generation_is_nobodys_to_record(desk, tenant, tenant_factory):
    answer = desk.router().generate(desk.asking(), desk.prompt(), Captions)
    with (
        tenant(tenant_factory().workspace_id).transaction() as connection,
        pytest.raises(NotFoundError),
    ):
        ai.record_outcome(connection, answer.generation_id, ai.Outcome.ACCEPTED)


@pytest.mark.parametrize("satisfaction", [0, 6])
def test_satisfaction_is_from_one_to_five(desk, tenant, satisfaction):
    answer = desk.router().generate(desk.asking(), desk.prompt(), Captions)
    with (
        tenant(desk.workspace_id).transaction() as connection,
        pytest.raises(InvalidInputError),
    ):
        ai.record_outcome(
            connection, answer.generation_id, ai.Outcome.RESOLVED, satisfaction=satisfaction
        )
