"""The sweep: every cost row arrives once, whatever dies on the way."""

from collections.abc import Callable

import pytest
from boto3.dynamodb.types import TypeDeserializer

from functions.assistant import service
from functions.assistant.gateway import DynamoCosts
from functions.assistant.models import CostRow
from functions.assistant.repository import PostgresBooks
from functions.assistant.sweep import handler as sweep
from huntaze import ai, clients, metrics
from huntaze.ai.catalogue import catalogue
from huntaze.ai.routing import chosen_models
from huntaze.db import SingleConnection
from huntaze.settings import load
from local.model_provider.state import FaultPlan
from tests.fakes.model_desk import Captions

TABLE = "huntaze-ai-costs"


@pytest.fixture(scope="module")
def costs(aws) -> str:  # noqa: ARG001  (it must be there)
    clients.dynamodb().create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "workspace_id", "KeyType": "HASH"},
            {"AttributeName": "call", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "workspace_id", "AttributeType": "S"},
            {"AttributeName": "call", "AttributeType": "S"},
        ],
    )
    return TABLE


@pytest.fixture
def store(as_role) -> PostgresBooks:
    return PostgresBooks(SingleConnection(lambda: as_role("relay")))


@pytest.fixture
def stored(desk, costs) -> Callable[[], list[dict]]:
    """The rows of the desk's workspace, in the order of time."""

    def read() -> list[dict]:
        items = clients.dynamodb().query(
            TableName=costs,
            KeyConditionExpression="workspace_id = :w",
            ExpressionAttributeValues={":w": {"S": str(desk.workspace_id)}},
        )["Items"]
        plain = TypeDeserializer().deserialize
        return [{name: plain(value) for name, value in item.items()} for item in items]

    return read


def test_each_call_that_was_paid_is_one_row(desk, store, costs, stored):
    desk.state.faults["openai"] = [FaultPlan(kind="cut_off", times=1)]
    asking = desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat")
    answer = desk.router().generate(asking, desk.prompt(), Captions)
    desk.router().generate(asking, desk.prompt(), Captions)
    service.sweep(store, DynamoCosts(costs), has_time=lambda: True)
    presumed, paid, hit = stored()
    assert (presumed["provider"], presumed["estimated"]) == ("openai", True)
    assert (paid["provider"], paid["estimated"], paid["cached"]) == ("azure_openai", False, False)
    assert (hit["cached"], hit["cost_nanos"], hit["input_tokens"]) == (True, 0, 0)
    assert presumed["cost_nanos"] + paid["cost_nanos"] == answer.cost_nanos
    (charged,) = [one for one in desk.state.charged if one.provider == "azure_openai"]
    for kind in ("input", "cached", "written", "output"):
        assert paid[f"{kind}_tokens"] == getattr(charged, f"{kind}_tokens")
    assert paid["baseline_nanos"] == charged.input_tokens * 2000 + charged.output_tokens * 10_000
    assert paid["economy_nanos"] == paid["cost_nanos"]
    assert {name: paid[name] for name in ("task", "agent", "tier", "reason", "model")} == {
        "task": "message_analysis",
        "agent": "chat",
        "tier": "economy",
        "reason": "ordinary",
        "model": "gpt-6-luna",
    }
    assert (paid["creator_id"], paid["priced_on"]) == (str(desk.creator_id), "2026-11-01")
    assert "campaign_id" not in paid


def test_a_sweep_that_died_before_its_mark_changes_nothing(desk, store, costs, stored):
    desk.router().generate(desk.asking(), desk.prompt(), Captions)

    class Dies(PostgresBooks):
        def mark_stored(self, call_ids):
            raise ConnectionAbortedError(f"{len(call_ids)} rows were put")

    dying = Dies(store._source)
    with pytest.raises(ConnectionAbortedError):
        service.sweep(dying, DynamoCosts(costs), has_time=lambda: True)
    before = stored()
    service.sweep(store, DynamoCosts(costs), has_time=lambda: True)
    assert stored() == before
    assert len(before) == 1


def test_rows_that_the_table_refuses_wait(desk, store, stored):
    desk.router().generate(desk.asking(), desk.prompt(), Captions)
    outcome = service.sweep(store, DynamoCosts("gone"), has_time=lambda: True)
    assert outcome.refused > 0
    assert stored() == []
    service.sweep(store, DynamoCosts(TABLE), has_time=lambda: True)
    assert len(stored()) == 1


def test_the_door_sweeps_and_counts(desk, as_role, monkeypatch, lambda_context, costs, stored):
    monkeypatch.setattr(sweep, "database", lambda: SingleConnection(lambda: as_role("relay")))
    monkeypatch.setenv("AI_COSTS_TABLE", costs)
    load.cache_clear()
    desk.router().generate(desk.asking(), desk.prompt(), Captions)
    counts = sweep.handler({}, lambda_context)
    assert counts["stored"] >= 1
    assert len(stored()) == 1
    load.cache_clear()


def test_many_rows_arrive_in_rounds():
    class Books:
        def __init__(self) -> None:
            self.waiting = list(range(450))

        def return_expired(self) -> int:
            return 0

        def unstored(self, most: int) -> list[int]:
            return self.waiting[:most]

        def mark_stored(self, taken: list[int]) -> None:
            self.waiting = [one for one in self.waiting if one not in taken]

        def tidy(self) -> None:
            pass

    class Table:
        def put(self, rows: list[CostRow]) -> list[CostRow]:
            return list(rows)

    outcome = service.sweep(Books(), Table(), has_time=lambda: True)
    assert (outcome.stored, outcome.refused) == (450, 0)


def test_models_that_are_chosen_give_notice():
    near = catalogue().find(ai.Provider.OPENAI, "gpt-4o")
    hop = ai.Hop(ai.Provider.OPENAI, "gpt-4o")
    assert near.ends_on is not None
    for days, found in ((61, []), (60, [hop]), (1, [hop])):
        today = near.ends_on.fromordinal(near.ends_on.toordinal() - days)
        assert service.models_near_end(catalogue(), frozenset({hop}), today) == found
    assert chosen_models()


def test_every_figure_of_models_is_in_the_namespace_of_their_costs():
    names = {one.name for one in metrics.ALL if one.namespace == "Huntaze/AI/Costs"}
    assert names >= {"AIProviderCost", "AITokenUsage", "AIRequestDuration"}
