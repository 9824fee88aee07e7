"""One id from the request that launches a campaign to the event that a message is settled."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import psycopg
import pytest

from browser_worker.ledger import LaneLedger
from functions.campaigns.api import handler as door
from functions.campaigns.sweep import handler as sweep
from functions.campaigns.tasks import handler as tasks
from functions.outbox_relay import handler as relay
from huntaze import clients, correlation, outbox
from huntaze.db import Connection, SingleConnection
from huntaze.domain.outbound import commands, planning, syncs
from huntaze.domain.outbound.planning import Authorship, DirectSend
from huntaze.domain.outbound.states import Priority
from huntaze.ids import new_id
from huntaze.settings import load
from tests.fakes.creator_desk import LONG, Desk

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:campaign"
ROOT = "1-66e8a0f0-0123456789abcdef01234567"
REQUEST = f"Root={ROOT};Parent=0123456789abcdef;Sampled=1"
# Step Functions continues the trace that it was given.
STEP = f"Root={ROOT};Parent=fedcba9876543210;Sampled=1"
BEFORE_APPROVAL = ("prepare", "check_compliance", "dry_run", "await_approval")


@pytest.fixture
def aws(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    source = SingleConnection(lambda: as_role("app"))
    for module in (door, tasks, sweep):
        monkeypatch.setattr(module, "database", lambda: source)
    fake = Mock()
    fake.machine.start_execution.side_effect = lambda **call: {"executionArn": call["name"]}
    fake.queue.send_message_batch.return_value = {"Successful": [{}]}
    fake.bus.put_events.side_effect = lambda Entries: {"Entries": [{} for _ in Entries]}  # noqa: N803
    for name, client in (
        *(("step_functions", "machine"), ("sqs", "queue"), ("functions", "relay")),
        ("events", "bus"),
    ):
        monkeypatch.setattr(clients, name, lambda client=client: getattr(fake, client))
    for name in ("CAMPAIGN_STATE_MACHINE_ARN", "HYBRID_STATE_MACHINE_ARN"):
        monkeypatch.setenv(name, MACHINE)
    monkeypatch.setenv("LANES_QUEUE_URL", "https://queue")
    monkeypatch.setenv("OUTBOX_RELAY_FUNCTION", "relay")
    monkeypatch.setenv("EVENT_BUS_NAME", "bus")
    load.cache_clear()
    yield fake
    load.cache_clear()


@pytest.fixture
def desk(
    aws: Mock,  # noqa: ARG001  (the doors are wired before anything is set up)
    tenant_factory: Callable[..., Any],
    as_role: Callable[[str], Connection],
) -> Desk:
    ids = tenant_factory()
    made = Desk(
        as_role,
        workspace_id=ids.workspace_id,
        creator_id=ids.creator_id,
        user_id=ids.user_id,
    )
    made.open_lane()
    return made


@pytest.fixture
def call(
    desk: Desk,
    api_event: Callable[..., dict[str, Any]],
    principal: Callable[..., dict[str, str]],
    lambda_context: Any,
) -> Callable[..., UUID]:
    """Call a campaign's route; answers the correlation id that the caller was told."""

    def make(campaign_id: UUID, action: str, body: object = None) -> UUID:
        answer = door.handler(
            api_event(
                "POST",
                f"/api/marketing/campaigns/{campaign_id}/{action}",
                body=body,
                principal=principal(desk.workspace_id, user_id=desk.user_id),
            ),
            lambda_context,
        )
        assert answer["statusCode"] < 300, answer["body"]
        return UUID(answer["multiValueHeaders"]["X-Correlation-Id"][0])

    return make


@pytest.fixture
def launched(
    desk: Desk,
    call: Callable[..., UUID],
    aws: Mock,
    lambda_context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[UUID, UUID]:
    """A campaign that is sending; the id of the request that launched it."""
    campaign_id = desk.campaign("draft")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", REQUEST)
    cause = call(campaign_id, "launch")
    (started,) = aws.machine.start_execution.call_args_list
    assert started.kwargs["traceHeader"] == REQUEST
    given = json.loads(started.kwargs["input"])
    monkeypatch.setenv("_X_AMZN_TRACE_ID", STEP)

    def step(name: str) -> None:
        # As the state machine calls it: ids, and what the execution was started with.
        tasks.handler({"step": name, **given, "input": given, "task_token": "T"}, lambda_context)

    for name in BEFORE_APPROVAL:
        step(name)
    call(campaign_id, "approve", {})
    step("freeze")
    step("release")
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    return campaign_id, cause


def test_a_delivered_message_leads_back_to_the_request(
    desk: Desk, launched_with_fans: tuple[UUID, UUID], lambda_context: Any, relayed: Any
) -> None:
    _, cause = launched_with_fans
    claim = desk.claim()
    due = desk.next_due(claim)
    assert due is not None
    assert due.correlation_id == cause
    # The worker's part hangs below the step that released the campaign.
    assert due.trace == STEP
    ledger = LaneLedger(desk.source, claim, timedelta(seconds=30))

    async def send() -> None:
        with correlation.within(due.correlation_id, trace=due.trace):
            await ledger.grant(due, baseline=None, deadlines=LONG)
            assert await ledger.confirm(due.id, "m1")

    asyncio.run(send())
    relay.handler({}, lambda_context)
    (settled,) = relayed("message.settled")
    assert settled["detail"]["correlation_id"] == str(cause)
    assert settled["detail"]["aggregate_id"] == str(due.id)
    assert settled["TraceHeader"] == STEP


@pytest.fixture
def launched_with_fans(desk: Desk, request: pytest.FixtureRequest) -> tuple[UUID, UUID]:
    for _ in range(2):
        desk.fan(display_name="Ann")
    found: tuple[UUID, UUID] = request.getfixturevalue("launched")
    return found


@pytest.fixture
def relayed(
    desk: Desk, aws: Mock, as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], list[dict[str, Any]]]:
    """Entries of a type that the bus was given for this workspace."""
    source = SingleConnection(lambda: as_role("relay"))
    monkeypatch.setattr(relay, "database", lambda: source)

    def find(event_type: str) -> list[dict[str, Any]]:
        entries = [e for one in aws.bus.put_events.call_args_list for e in one.kwargs["Entries"]]
        ours = [
            {**entry, "detail": json.loads(entry["Detail"])}
            for entry in entries
            if entry["DetailType"] == event_type
        ]
        return [one for one in ours if one["detail"]["workspace_id"] == str(desk.workspace_id)]

    return find


def test_every_row_of_a_plan_has_the_launchs_id_and_the_campaign_its_trace(
    desk: Desk, launched_with_fans: tuple[UUID, UUID]
) -> None:
    campaign_id, cause = launched_with_fans
    rows = desk.rows("SELECT correlation_id, trace FROM sends")
    assert [(row["correlation_id"], row["trace"]) for row in rows] == [(cause, None)] * 2
    campaign = desk.row(campaign_id, "campaigns")
    assert (campaign["correlation_id"], campaign["trace"]) == (cause, STEP)


def test_events_have_the_id_of_the_request_that_they_tell_of(
    desk: Desk, launched_with_fans: tuple[UUID, UUID]
) -> None:
    _, cause = launched_with_fans
    rows = desk.rows("SELECT event_type, correlation_id FROM events_outbox")
    of = {row["event_type"]: row["correlation_id"] for row in rows}
    assert of["campaign.planned"] == cause
    # The approval is another person's request.
    assert of["campaign.decided"] not in (None, cause)


def test_wake_ups_and_orders_have_the_id_of_the_work_that_asked(desk: Desk, aws: Mock) -> None:
    fan_id = desk.fan()
    with correlation.within(None, trace=REQUEST) as work:
        with desk.app.transaction() as connection:
            send = DirectSend(
                desk.workspace_id,
                desk.creator_id,
                fan_id,
                "hello",
                Authorship("person", desk.user_id),
                Priority.PERSON,
            )
            planning.plan_direct(connection, send)
            commands.request(
                connection,
                workspace_id=desk.workspace_id,
                creator_id=desk.creator_id,
                kind="connect",
                payload={},
                requested_by=desk.user_id,
            )
            syncs.request_all(
                connection,
                workspace_id=desk.workspace_id,
                creator_id=desk.creator_id,
                requested_by=desk.user_id,
            )
        door.wake_soon(desk.creator_id)
    claim = desk.claim()
    due = desk.next_due(claim)
    assert due is not None
    assert (due.correlation_id, due.trace) == (work.correlation_id, REQUEST)
    with desk.worker.transaction() as connection:
        order = commands.next_order(connection, claim)
        sync = syncs.next_sync(connection, claim)
    assert order is not None
    assert sync is not None
    assert order.correlation_id == sync.correlation_id == work.correlation_id
    (sent,) = aws.queue.send_message_batch.call_args.kwargs["Entries"]
    assert json.loads(sent["MessageBody"]) == {
        "creator_id": str(desk.creator_id),
        "correlation_id": str(work.correlation_id),
    }


def test_the_sweeper_starts_an_execution_in_the_launchs_name(
    desk: Desk, aws: Mock, lambda_context: Any
) -> None:
    cause = new_id()
    campaign_id = desk.campaign("preparing", launch=1, correlation_id=cause, trace=REQUEST)
    with desk.app.transaction() as connection:
        connection.execute(
            "UPDATE campaigns SET launched_at = clock_timestamp() - interval '1 minute'"
            " WHERE id = %s",
            (campaign_id,),
        )
    sweep.handler({}, lambda_context)
    (started,) = [
        one.kwargs
        for one in aws.machine.start_execution.call_args_list
        if str(campaign_id) in one.kwargs["name"]
    ]
    assert json.loads(started["input"])["correlation_id"] == str(cause)
    assert started["traceHeader"] == REQUEST


def test_work_that_nobody_began_leaves_no_id(desk: Desk) -> None:
    with desk.app.transaction() as connection:
        outbox.add(
            connection,
            "x.y",
            workspace_id=desk.workspace_id,
            aggregate=("x", new_id()),
            payload={},
        )
    (row,) = desk.rows("SELECT correlation_id, trace FROM events_outbox")
    assert (row["correlation_id"], row["trace"]) == (None, None)


def test_a_trace_is_a_header_and_nothing_else(desk: Desk) -> None:
    with (
        correlation.within(None, trace="what a fan wrote"),
        pytest.raises(psycopg.errors.CheckViolation),
        desk.app.transaction() as connection,
    ):
        outbox.add(
            connection,
            "x.y",
            workspace_id=desk.workspace_id,
            aggregate=("x", new_id()),
            payload={},
        )
