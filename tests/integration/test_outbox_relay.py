"""The outbox on the real database: written with a change, published once it is committed."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from uuid import UUID

import psycopg
import pytest

from functions.lanes import handler as lanes
from functions.lanes.repository import PostgresLanes
from functions.outbox_relay import handler
from functions.outbox_relay.repository import PostgresOutbox
from huntaze import clients, outbox
from huntaze.db import Connection, SingleConnection
from huntaze.entry import UnhandledError
from huntaze.ids import new_id
from huntaze.settings import load


@pytest.fixture
def relay_source(as_role: Callable[[str], Connection], monkeypatch) -> SingleConnection:
    source = SingleConnection(lambda: as_role("relay"))
    monkeypatch.setattr(handler, "database", lambda: source)
    monkeypatch.setattr(lanes, "database", lambda: source)
    return source


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict]]:
    """What EventBridge was given."""
    entries: list[dict] = []

    def put_events(Entries):  # noqa: N803 - boto3's name
        entries.extend(Entries)
        return {"Entries": [{"EventId": "1"} for _ in Entries]}

    monkeypatch.setattr(clients, "events", lambda: SimpleNamespace(put_events=put_events))
    monkeypatch.setenv("EVENT_BUS_NAME", "huntaze")
    load.cache_clear()
    yield entries
    load.cache_clear()


@pytest.fixture
def add_event(tenant) -> Callable[..., None]:
    def add(ids, event_type: str = "creator.created") -> None:
        with tenant(ids.workspace_id).transaction() as connection:
            outbox.add(
                connection,
                event_type,
                workspace_id=ids.workspace_id,
                aggregate=("creator", ids.creator_id),
                payload={"creator_id": str(ids.creator_id)},
            )

    return add


@pytest.mark.usefixtures("relay_source")
def test_publishes_an_event_once(tenant_factory, add_event, published, lambda_context):
    ids = tenant_factory()
    add_event(ids)
    handler.handler({}, lambda_context)
    ours = [entry for entry in published if str(ids.workspace_id) in entry["Detail"]]
    assert [entry["DetailType"] for entry in ours] == ["creator.created"]
    published.clear()
    again = handler.handler({}, lambda_context)
    assert (again["published"], again["refused"]) == (0, 0)
    assert published == []


@pytest.mark.usefixtures("relay_source")
def test_what_was_published_is_forgotten_after_two_weeks(
    tenant_factory, tenant, add_event, as_role, published, lambda_context, monkeypatch
):
    ids = tenant_factory()
    for kind in ("old", "young"):
        add_event(ids, kind)
    handler.handler({}, lambda_context)
    assert len(published) >= 2
    # The bus takes nothing more: what was never published stays, however old it is.
    refusing = SimpleNamespace(
        put_events=lambda **call: {"Entries": [{"ErrorCode": "no"} for _ in call["Entries"]]}
    )
    monkeypatch.setattr(clients, "events", lambda: refusing)
    add_event(ids, "waiting")
    master = as_role("master")
    with master.transaction():
        master.execute("ALTER TABLE events_outbox NO FORCE ROW LEVEL SECURITY")
        for days, kind in ((15, "old"), (13, "young"), (15, "waiting")):
            master.execute(
                "UPDATE events_outbox SET created_at = now() - make_interval(days => %s),"
                " published_at = published_at - make_interval(days => %s)"
                " WHERE workspace_id = %s AND event_type = %s",
                (days, days, ids.workspace_id, kind),
            )
        master.execute("ALTER TABLE events_outbox FORCE ROW LEVEL SECURITY")
    with pytest.raises(handler.EventsRefusedError):
        handler.handler({}, lambda_context)
    with tenant(ids.workspace_id).transaction() as connection:
        left = connection.execute("SELECT event_type FROM events_outbox ORDER BY id").fetchall()
    assert left == [("young",), ("waiting",)]


@pytest.mark.usefixtures("relay_source")
def test_a_change_that_is_undone_sends_nothing(tenant_factory, tenant, published, lambda_context):
    ids = tenant_factory()
    with tenant(ids.workspace_id).transaction() as connection:
        outbox.add(
            connection,
            "creator.created",
            workspace_id=ids.workspace_id,
            aggregate=("creator", ids.creator_id),
            payload={},
        )
        raise psycopg.Rollback
    handler.handler({}, lambda_context)
    assert not [entry for entry in published if str(ids.workspace_id) in entry["Detail"]]


def test_two_relays_never_hold_the_same_event(tenant_factory, add_event, as_role):
    ids = tenant_factory()
    for _ in range(3):
        add_event(ids)
    relays = [PostgresOutbox(SingleConnection(lambda: as_role("relay"))) for _ in range(2)]
    with relays[0].taken(2) as first, relays[1].taken(100) as second:
        assert len(first) == 2
        assert not {event.id for event in first} & {event.id for event in second}
    # Whoever goes away without a word gives everything back.
    with relays[0].taken(100) as again:
        assert {event.id for event in first} <= {event.id for event in again}


def test_an_event_of_another_workspace_cannot_be_written(tenant_factory, tenant):
    mine, theirs = tenant_factory(), tenant_factory()
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        tenant(mine.workspace_id).transaction() as connection,
    ):
        outbox.add(
            connection,
            "creator.created",
            workspace_id=theirs.workspace_id,
            aggregate=("creator", theirs.creator_id),
            payload={},
        )


def test_a_failing_nudge_does_not_fail_the_change(monkeypatch):
    def refuse(**_):
        raise ConnectionError

    monkeypatch.setenv("OUTBOX_RELAY_FUNCTION", "relay")
    monkeypatch.setattr(clients, "functions", lambda: SimpleNamespace(invoke=refuse))
    load.cache_clear()
    outbox.nudge()
    load.cache_clear()


# Lanes


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Whom the queue was told of."""
    told: list[UUID] = []

    def wake(creators):
        told.extend(creators)
        return len(creators)

    monkeypatch.setattr(lanes, "wake_creators", wake)
    return told


@pytest.fixture
def add_command(tenant) -> Callable[..., None]:
    def add(ids) -> None:
        with tenant(ids.workspace_id).transaction() as connection:
            connection.execute(
                "INSERT INTO creator_lanes (workspace_id, creator_id, platform)"
                " VALUES (%s, %s, 'fan_platform')",
                (ids.workspace_id, ids.creator_id),
            )
            connection.execute(
                "INSERT INTO creator_commands (workspace_id, creator_id, kind)"
                " VALUES (%s, %s, 'connect')",
                (ids.workspace_id, ids.creator_id),
            )

    return add


@pytest.mark.usefixtures("relay_source")
def test_wakes_the_lanes_that_have_something_to_do(
    tenant_factory, add_command, woken, lambda_context, as_role
):
    waiting, idle = tenant_factory(), tenant_factory()
    add_command(waiting)
    counts = lanes.handler({}, lambda_context)
    assert counts["due"] == counts["woken"]
    assert waiting.creator_id in woken
    assert idle.creator_id not in woken
    as_role("worker").execute("SELECT claim_lane(%s, 'test', '1 minute')", (waiting.creator_id,))
    woken.clear()
    lanes.handler({}, lambda_context)
    assert waiting.creator_id not in woken


@pytest.mark.usefixtures("relay_source")
def test_lost_wake_ups_are_an_error_that_an_alarm_can_see(
    tenant_factory, add_command, lambda_context, monkeypatch
):
    add_command(tenant_factory())
    monkeypatch.setattr(lanes, "wake_creators", lambda _: 0)
    with pytest.raises(lanes.WakeUpsLostError):
        lanes.handler({}, lambda_context)


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[UUID, UUID, str]]]:
    """Pushes that the queue has lost."""
    found = [(new_id(), new_id(), f"evt-{number}") for number in range(25)]
    monkeypatch.setattr(PostgresLanes, "lost_pushes", lambda _self, _after: found)
    monkeypatch.setenv("PLATFORM_WEBHOOKS_QUEUE_URL", "https://queue.of.pushes")
    load.cache_clear()
    yield found
    load.cache_clear()


@pytest.mark.usefixtures("relay_source")
def test_lost_pushes_are_queued_again_in_batches(lost, woken, lambda_context, monkeypatch):  # noqa: ARG001
    taken: list[list[str]] = []

    def send_message_batch(QueueUrl, Entries):  # noqa: N803 - boto3's names
        assert QueueUrl == "https://queue.of.pushes"
        taken.append([json.loads(one["MessageBody"])["event_id"] for one in Entries])
        return {"Successful": Entries}

    sqs = SimpleNamespace(send_message_batch=send_message_batch)
    monkeypatch.setattr(clients, "sqs", lambda: sqs)
    assert lanes.handler({}, lambda_context)["pushes_queued_again"] == 25
    assert [len(batch) for batch in taken] == [10, 10, 5]
    queued = [event_id for batch in taken for event_id in batch]
    assert queued == [event_id for _, _, event_id in lost]


def _unreachable(**_call: object) -> dict:
    raise ConnectionError


@pytest.mark.parametrize("refuse", [_unreachable, lambda **_call: {"Failed": []}])
@pytest.mark.usefixtures("relay_source", "lost")
def test_a_queue_of_pushes_that_refuses_keeps_no_lane_asleep(
    tenant_factory, add_command, woken, lambda_context, monkeypatch, refuse
):
    waiting = tenant_factory()
    add_command(waiting)
    opened = []
    monkeypatch.setattr(PostgresLanes, "wake_conversations", lambda _: opened.append(1) or 1)
    monkeypatch.setattr(clients, "sqs", lambda: SimpleNamespace(send_message_batch=refuse))
    with pytest.raises((UnhandledError, lanes.PushesLostError)):
        lanes.handler({}, lambda_context)
    assert waiting.creator_id in woken
    assert opened


@pytest.mark.parametrize("table", ["events_outbox", "creator_lanes", "sends", "fans"])
def test_the_relay_reads_no_table(as_role, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role("relay").execute(f"SELECT * FROM {table}")


def test_nobody_else_takes_the_outbox(as_role):
    for role in ("app", "worker", "identity", "authorizer", "intake"):
        for statement in (
            "SELECT take_outbox(1)",
            "SELECT mark_outbox_published('{}')",
            "SELECT lanes_with_due_work()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_role(role).execute(statement)


def test_the_lanes_are_of_the_relay_alone(relay_source):
    assert new_id() not in PostgresLanes(relay_source).with_due_work()
