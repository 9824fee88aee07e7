"""What platforms push: who may, that it is worked on once, and that no order of it matters."""

import base64
import json
import random
import string
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from browser_worker.sync import LISTINGS
from functions.lanes.repository import PostgresLanes
from functions.platforms import handler as api
from functions.platforms.events import handler as consumer
from functions.platforms.events.models import Queued
from functions.platforms.events.repository import PostgresPushes
from functions.platforms.webhook import handler as door
from huntaze import clients, signatures
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.domain import pushes
from huntaze.domain.platform_rows import EarningRow, SubscriberRow
from huntaze.domain.pushes import Outcome
from huntaze.entry import UnhandledError
from huntaze.settings import load
from tests.fakes.creator_desk import Desk

SECRET = "a-secret-of-more-than-thirty-two-signs"
OTHER = "another-secret-of-more-than-thirty-two"
# Young enough to be news.
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
FAN = {"id": "7", "handle": "bob", "display_name": "Bob"}


def at(minutes: int) -> str:
    return (BEGAN + timedelta(minutes=minutes)).isoformat()


def event(kind: str, minutes: int, event_id: str | None = None, **data: Any) -> dict[str, Any]:
    """An event as a platform writes it."""
    return {
        "id": event_id or f"evt-{minutes}",
        "type": kind,
        "occurred_at": at(minutes),
        "data": {"fan": FAN, **data},
    }


def message(kind: str, message_id: str, sent: int, told: int, **data: Any) -> dict[str, Any]:
    facts = {"id": message_id, "direction": "in", "text": "hello", "sent_at": at(sent), **data}
    return event(f"message.{kind}", told, **facts)


# A story in its order; every moment is told in events that say how things are then.
ENDS = {"price_cents": 999, "expires_at": at(13)}
STORY = [
    event("subscription.created", 1, status="active", rebill_on=True, **ENDS),
    message("created", "m1", 2, 2),
    message("created", "m2", 3, 3, direction="out", text="look", price_cents=500, media=["v1"]),
    message("created", "m3", 4, 4, direction="out", text="oops"),
    event("message.deleted", 5, id="m3"),
    message(
        *("updated", "m2", 3, 6),
        direction="out",
        text="look",
        price_cents=500,
        media=["v1"],
        paid_at=at(6),
        opened_at=at(6),
    ),
    event(
        *("transaction.created", 7),
        id="t1",
        type="message",
        amount_cents=500,
        net_cents=400,
        created_at=at(6),
        message_id="m2",
    ),
    message("created", "m4", 8, 8, text="", tip_cents=700),
    event(
        *("transaction.created", 9),
        id="t2",
        type="tip",
        amount_cents=700,
        created_at=at(8),
    ),
    event("subscription.updated", 10, status="active", rebill_on=False, **ENDS),
    message("updated", "m1", 2, 11, text="hello you"),
    event(
        *("transaction.created", 12),
        id="t3",
        type="refund",
        amount_cents=-500,
        created_at=at(12),
        reverses="t1",
    ),
    event("subscription.expired", 13, status="expired", rebill_on=False, **ENDS),
    event("story.viewed", 14),
]


class Pushing:
    """One creator whose platform pushes, the door, and the queue."""

    def __init__(self, desk: Desk, queue: list[str], event: Any, context: Any) -> None:
        self.desk = desk
        self.queue = queue
        self._event = event
        self._context = context

    def set_secret(self, secret: str = SECRET) -> None:
        """Let events be signed with a secret."""
        sealed = pushes.seal_secret(self.desk.workspace_id, self.desk.creator_id, secret)
        with self.desk.app.transaction() as connection:
            pushes.keep_secret(connection, self.desk.creator_id, sealed, by=self.desk.user_id)

    def send(
        self,
        said: dict[str, Any] | None = None,
        *,
        secret: str = SECRET,
        body: str | None = None,
        ago: int = 0,
        header: str | None = None,
        platform: str = "fan_platform",
        creator_id: UUID | None = None,
        **changes: object,
    ) -> tuple[int, Any]:
        """Send an event to the door as a platform does."""
        text = json.dumps(said or STORY[1]) if body is None else body
        signed = signatures.sign(text.encode(), secret, at=int(time.time()) - ago)
        sent = self._event(
            "POST",
            f"/api/webhooks/platforms/{platform}",
            body=text,
            query={"connection": str(creator_id or self.desk.creator_id)},
            headers={"Webhook-Signature": signed if header is None else header},
        )
        answer = door.handler({**sent, **changes}, self._context)
        return answer["statusCode"], json.loads(answer["body"])

    def work(self) -> list[str]:
        """Let the consumer work on what is queued; answers what must come again."""
        records = [{"messageId": f"{n}", "body": body} for n, body in enumerate(self.queue)]
        self.queue.clear()
        answer = consumer.handler({"Records": records}, self._context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def journal(self) -> list[dict[str, Any]]:
        """What came in."""
        return self.desk.rows(
            "SELECT * FROM platform_events WHERE creator_id = %s ORDER BY received_at",
            self.desk.creator_id,
        )


@pytest.fixture(autouse=True)
def wiring(
    as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """The functions on the test's database, KMS in moto, and a queue that is a list."""
    for module, role in ((api, "app"), (door, "intake"), (consumer, "app")):
        source = SingleConnection(lambda role=role: as_role(role))
        monkeypatch.setattr(module, "database", lambda source=source: source)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    waiting: list[str] = []
    sqs = Mock()
    sqs.send_message = lambda **sent: waiting.append(sent["MessageBody"])
    with mock_aws():
        kms = boto3.client("kms", region_name="us-east-1")
        monkeypatch.setattr(clients, "kms", lambda: kms)
        monkeypatch.setattr(clients, "sqs", lambda: sqs)
        monkeypatch.setattr(clients, "functions", Mock())
        monkeypatch.setenv("SESSIONS_KEY_ARN", kms.create_key()["KeyMetadata"]["Arn"])
        monkeypatch.setenv("CREDENTIALS_PREFIX", "of/creds/")
        monkeypatch.setenv("CREDENTIALS_KEY_ARN", "key")
        monkeypatch.setenv("OF_SESSIONS_TABLE", "sessions")
        monkeypatch.setenv("PLATFORM_WEBHOOKS_QUEUE_URL", "queue")
        monkeypatch.setenv("OUTBOX_RELAY_FUNCTION", "relay")
        load.cache_clear()
        yield waiting
    load.cache_clear()


@pytest.fixture
def pushing(
    open_desk: Callable[..., Desk], wiring: list[str], api_event: Any, lambda_context: Any
) -> Pushing:
    made = Pushing(open_desk(), wiring, api_event, lambda_context)
    made.set_secret()
    return made


def test_an_event_is_written_down_queued_and_worked_on_once(pushing: Pushing) -> None:
    assert pushing.send() == (202, {"received": True})
    (row,) = pushing.journal()
    assert (row["kind"], row["processed_at"], row["fan_platform_id"]) == (
        "message.created",
        None,
        "7",
    )
    assert pushing.work() == []
    (row,) = pushing.journal()
    assert (row["outcome"], row["body"], row["fan_platform_id"]) == ("applied", None, None)
    (stored,) = pushing.desk.rows("SELECT platform_message_id, text FROM messages")
    assert stored == {"platform_message_id": "m1", "text": "hello"}
    assert len(pushing.desk.events("message.created")) == 1
    # Again: taken, and nothing is done.
    assert pushing.send()[0] == 202
    assert pushing.queue == []
    assert len(pushing.desk.rows("SELECT FROM messages")) == 1


def test_a_queue_that_failed_once_is_told_again(
    pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = clients.sqs()
    broken = Mock()
    broken.send_message.side_effect = RuntimeError("no queue")
    monkeypatch.setattr(clients, "sqs", lambda: broken)
    with pytest.raises(UnhandledError):
        pushing.send()
    assert len(pushing.journal()) == 1
    monkeypatch.setattr(clients, "sqs", lambda: whole)
    assert pushing.send()[0] == 202
    assert len(pushing.queue) == 1


@pytest.mark.parametrize("ago", [-301, 301, 86_400, -86_400])
def test_what_is_stale_or_comes_from_the_future_is_refused(pushing: Pushing, ago: int) -> None:
    status, answer = pushing.send(ago=ago + (5 if ago > 0 else -5))
    assert (status, answer["error"]) == (400, "NotSigned")
    assert pushing.journal() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": OTHER},
        {"secret": ""},
        {"header": ""},
        {"header": "t=1"},
        {"header": "v1=00"},
        {"header": "t=1,v1=" + "0" * 64},
        {"platform": "onlyfans"},
        {"platform": "nowhere"},
        {"creator_id": UUID(int=7)},
    ],
)
def test_what_is_forged_is_refused_and_nothing_is_told_of_who_is_there(
    pushing: Pushing, wrong: dict[str, Any]
) -> None:
    status, answer = pushing.send(**wrong)
    assert (status, answer["error"]) == (400, "NotSigned")
    assert pushing.journal() == []


def test_a_body_that_was_rewritten_is_refused(pushing: Pushing) -> None:
    body = json.dumps(STORY[1])
    header = signatures.sign(body.encode(), SECRET, at=int(time.time()))
    assert pushing.send(body=body + " ", header=header)[0] == 400
    assert pushing.send(body=body, header=header)[0] == 202
    wrapped = base64.b64encode(body.encode()).decode()
    assert pushing.send(body=wrapped, header=header, isBase64Encoded=True)[0] == 202
    assert len(pushing.journal()) == 1


def test_another_creators_secret_signs_nothing_here(
    pushing: Pushing, open_desk: Callable[..., Desk], api_event: Any, lambda_context: Any
) -> None:
    other = Pushing(open_desk(), pushing.queue, api_event, lambda_context)
    other.set_secret(OTHER)
    assert pushing.send(secret=OTHER)[0] == 400
    assert other.send(secret=SECRET)[0] == 400
    assert other.send(secret=OTHER)[0] == 202
    assert pushing.journal() == []
    # A sealed secret opens for its own creator alone.
    with pushing.desk.app.transaction() as connection, other.desk.app.transaction() as theirs:
        row = theirs.execute("SELECT sealed_key, sealed FROM platform_webhooks").fetchone()
        assert row is not None
        connection.execute("UPDATE platform_webhooks SET sealed_key = %s, sealed = %s", row)
    with pytest.raises(UnhandledError):
        pushing.send(secret=OTHER)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("x" * (256 * 1024 + 1), 413),
        ("x" * (600 * 1024), 413),
        ("[]", 400),
        ("{", 400),
        (json.dumps({**STORY[1], "id": ""}), 400),
        (json.dumps({**STORY[1], "occurred_at": "2026-03-01T12:00:00"}), 400),
        (json.dumps({**STORY[1], "data": []}), 400),
    ],
    ids=["large", "huge", "a list", "broken", "no id", "no zone", "no facts"],
)
def test_what_is_too_large_or_no_event_is_refused(pushing: Pushing, body: str, status: int) -> None:
    assert pushing.send(body=body)[0] == status
    assert pushing.journal() == []


@pytest.mark.parametrize("occurred_at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_no_calendar_has_is_refused(pushing: Pushing, occurred_at: str) -> None:
    assert pushing.send({**STORY[1], "occurred_at": occurred_at})[0] == 400
    assert pushing.journal() == []


def test_an_event_of_the_future_keeps_out_nothing_that_comes(pushing: Pushing) -> None:
    fence = "SELECT told_at FROM platform_versions WHERE kind = 'message'"
    pushing.send({**STORY[1], "occurred_at": "2999-01-01T00:00:00Z"})
    assert pushing.work() == []
    (row,) = pushing.desk.rows(fence)
    soon = datetime.now(UTC) + timedelta(minutes=6)
    assert row["told_at"] < soon
    later = message("updated", "m1", 2, 11, text="hello you")
    pushing.send({**later, "occurred_at": soon.isoformat()})
    pushing.send({**later, "id": "z", "occurred_at": (soon + timedelta(days=1)).isoformat()})
    assert pushing.work() == []
    assert [row["text"] for row in pushing.desk.rows("SELECT text FROM messages")] == ["hello you"]


def test_an_id_that_is_none_comes_to_the_dead_letters_and_not_back_to_the_platform(
    pushing: Pushing,
) -> None:
    # Longer than an index takes, and no shorter compressed.
    fan = {"id": "".join(random.choices(string.ascii_letters, k=20_000))}  # noqa: S311
    pushing.send({**STORY[1], "data": {**STORY[1]["data"], "fan": fan}})
    assert [row["fan_platform_id"] for row in pushing.journal()] == [None]
    assert pushing.work() == ["0"]


def test_what_is_told_late_moves_no_message(pushing: Pushing) -> None:
    pushing.send(message("updated", "m1", 5, 11, text="hello you"))
    pushing.send(message("created", "m1", 2, 2))
    assert pushing.work() == []
    (row,) = pushing.desk.rows("SELECT text, sent_at FROM messages")
    assert (row["text"], row["sent_at"].isoformat()) == ("hello you", at(5))


def test_two_secrets_are_valid_while_one_takes_the_others_place(pushing: Pushing) -> None:
    pushing.set_secret(OTHER)
    for number, secret in enumerate((SECRET, OTHER)):
        said = {**STORY[1], "id": f"e{number}"}
        assert pushing.send(said, secret=secret)[0] == 202
    with pushing.desk.app.transaction() as connection:
        connection.execute("UPDATE platform_webhooks SET previous_until = clock_timestamp()")
    assert pushing.send(secret=SECRET)[0] == 400
    assert pushing.send(secret=OTHER)[0] == 202


def test_members_set_the_secret_and_see_no_more_of_it(
    pushing: Pushing, api_event: Any, lambda_context: Any, principal: Any
) -> None:
    desk = pushing.desk

    def call(method: str, role: str = "owner", **event: Any) -> tuple[int, Any]:
        who = principal(desk.workspace_id, user_id=desk.user_id, role=role)
        answer = api.handler(
            api_event(method, "/api/of/webhook", principal=who, **event), lambda_context
        )
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    status, answer = call("POST", body={"secret": OTHER})
    assert status == 200
    path = f"/api/webhooks/platforms/fan_platform?connection={desk.creator_id}"
    assert answer["path"] == path
    assert answer["previous_until"] is not None
    assert OTHER not in json.dumps(answer)
    assert pushing.send(secret=OTHER)[0] == 202
    assert call("GET")[1]["last_event_at"] is not None
    assert call("POST", role="chatter", body={"secret": OTHER})[0] == 403
    assert call("POST", body={"secret": "short"})[0] == 422
    assert call("DELETE")[0] == 204
    assert call("GET")[1]["error"] == "NoWebhook"
    assert pushing.send(secret=OTHER)[0] == 400
    with desk.app.transaction() as connection:
        connection.execute("UPDATE creators SET platform = 'onlyfans'")
    assert call("POST", body={"secret": OTHER})[1]["error"] == "NoPushes"
    actions = {row["action"] for row in desk.rows("SELECT action FROM audit_log")}
    assert actions >= {"creator.webhook_set", "creator.webhook_removed"}


@pytest.mark.parametrize(
    "poisoned",
    [
        event("message.created", 1, id="m1"),
        message("created", "m1", 1, 1, direction="sideways"),
        event("subscription.updated", 1, fan={}),
        event("transaction.created", 1, id="t", type="gift", amount_cents=1, created_at=at(1)),
    ],
)
def test_what_is_poisoned_comes_again_and_holds_up_no_other(
    pushing: Pushing, poisoned: dict[str, Any]
) -> None:
    pushing.send({**poisoned, "id": "bad"})
    pushing.send(STORY[1])
    bad, _ = pushing.queue
    assert pushing.work() == ["0"]
    assert [row["text"] for row in pushing.desk.rows("SELECT text FROM messages")] == ["hello"]
    assert [(row["id"], row["outcome"], row["failures"]) for row in pushing.journal()] == [
        ("bad", None, 1),
        (STORY[1]["id"], "applied", 0),
    ]
    pushing.queue.append(bad)
    assert pushing.work() == ["0"]


def test_what_the_queue_has_lost_is_told_again_and_what_failed_is_not(
    pushing: Pushing, as_role: Callable[[str], Connection]
) -> None:
    lanes = PostgresLanes(SingleConnection(lambda: as_role("relay")))

    def lost() -> list[str]:
        found = lanes.lost_pushes(timedelta(minutes=20))
        return [row[2] for row in found if row[1] == pushing.desk.creator_id]

    pushing.send(STORY[1])
    pushing.send(event("message.created", 9, "bad"))
    good, bad = pushing.queue
    assert lost() == []
    pushing.queue[:] = [bad]
    assert pushing.work() == ["0"]
    master = as_role("master")
    master.execute("UPDATE platform_events SET queued_at = queued_at - interval '21 minutes'")
    assert lost() == [STORY[1]["id"]]
    assert lost() == []
    pushing.queue[:] = [good]
    assert pushing.work() == []
    master.execute("UPDATE platform_events SET received_at = received_at - interval '31 days'")
    lost()
    assert pushing.journal() == []


def test_a_stop_word_that_is_pushed_is_obeyed(pushing: Pushing) -> None:
    pushing.send(
        message("created", "m1", 1, 1, text="STOP!", sent_at=datetime.now(UTC).isoformat())
    )
    pushing.work()
    (row,) = pushing.desk.rows("SELECT reason FROM suppressions")
    assert row["reason"] == "stop_word"


def test_a_list_that_was_read_since_is_newer_than_what_is_pushed(pushing: Pushing) -> None:
    desk = pushing.desk
    desk.fan(platform_id="7", handle="bob", status="expired")
    desk.order_done("sync_subscribers", ago=timedelta(minutes=1))
    old = event("subscription.updated", 1, status="active")
    old["occurred_at"] = (datetime.now(UTC) - timedelta(minutes=9)).isoformat()
    new = {**old, "id": "new", "occurred_at": datetime.now(UTC).isoformat()}
    pushing.send(old)
    pushing.work()
    assert desk.rows("SELECT status FROM fans")[0]["status"] == "expired"
    assert pushing.journal()[0]["outcome"] == "older"
    pushing.send(new)
    pushing.work()
    assert desk.rows("SELECT status FROM fans")[0]["status"] == "active"


def test_nobody_loses_a_name_to_what_is_told_late_or_without_one(pushing: Pushing) -> None:
    def told() -> tuple[str, str]:
        assert pushing.work() == []
        (row,) = pushing.desk.rows("SELECT handle, display_name FROM fans")
        return row["handle"], row["display_name"]

    now = {"id": "7", "handle": "robert", "display_name": "Robert"}
    pushing.send(message("created", "m2", 9, 9, fan=now))
    assert told() == ("robert", "Robert")
    # Of other messages, and of before; one says nothing of how the fan is called.
    pushing.send(message("created", "m1", 8, 8))
    assert told() == ("robert", "Robert")
    pushing.send(event("subscription.created", 7, status="active"))
    assert told() == ("robert", "Robert")
    pushing.send(event("subscription.updated", 10, status="active", fan={"id": "7"}))
    assert told() == ("robert", "Robert")
    pushing.send(event("subscription.updated", 11, status="active", fan={"id": "7", "handle": "x"}))
    assert told() == ("x", "Robert")


@pytest.mark.parametrize("ago", [timedelta(hours=6), timedelta(hours=1)])
def test_a_page_that_was_long_on_its_way_overwrites_nothing_newer(
    pushing: Pushing, ago: timedelta
) -> None:
    for said in (STORY[12], STORY[6], STORY[11]):
        pushing.send(said)
    assert pushing.work() == []
    opened_at = datetime.now(UTC) - ago
    fan = SubscriberRow("7", "robert", "Bob", "active", 100, True, None, None)
    other = SubscriberRow("8", "sue", "Sue", "active", 100, True, None, None)
    paid = EarningRow("t1", "7", "tip", 900, None, None, opened_at, None, None, None)
    pages = {"sync_subscribers": [fan, other], "sync_earnings": [paid]}
    with pushing.desk.worker.transaction() as connection:
        for kind, rows in pages.items():
            LISTINGS[kind].store(connection, pushing.desk.creator_id, rows, opened_at)
    bob, sue = pushing.desk.rows("SELECT * FROM fans ORDER BY platform_id")
    (money,) = pushing.desk.rows("SELECT * FROM transactions WHERE transaction_id = 't1'")
    # The story was told five hours ago.
    if opened_at < BEGAN:
        assert (bob["handle"], bob["status"], bob["rebill_on"]) == ("bob", "expired", False)
        assert (money["type"], money["amount_cents"]) == ("message", 500)
    else:
        assert (bob["handle"], bob["status"], bob["rebill_on"]) == ("robert", "active", True)
        assert (money["type"], money["amount_cents"]) == ("tip", 900)
    assert (sue["handle"], sue["status"]) == ("sue", "active")


def test_whoever_asks_to_be_forgotten_is_not_brought_back(pushing: Pushing) -> None:
    for said in STORY:
        pushing.send(said)
    first = pushing.queue[:2]
    rest = pushing.queue[2:]
    pushing.queue[:] = first
    pushing.work()
    desk = pushing.desk
    (fan,) = desk.rows("SELECT id FROM fans")
    desk.erase(fan["id"])
    assert [row["fan_platform_id"] for row in pushing.journal()] == [None, None]
    pushing.queue[:] = rest
    assert pushing.work() == []
    pushing.send({**STORY[7], "id": "late"})
    pushing.work()
    (row,) = desk.rows("SELECT platform_id, erased_at FROM fans")
    assert (row["platform_id"], row["erased_at"] is not None) == (None, True)
    assert desk.rows("SELECT FROM messages") == []


def state(desk: Desk) -> dict[str, Any]:
    """What is known of the creator's fans, without what says when we heard of it."""
    return {
        "messages": desk.rows(
            "SELECT platform_message_id, direction, text, price_cents, tip_cents, media, sent_at,"
            " paid_at IS NOT NULL AS paid, opened_at IS NOT NULL AS opened,"
            " unsent_at IS NOT NULL AS unsent, read_at IS NOT NULL AS read"
            " FROM messages ORDER BY platform_message_id"
        ),
        "fans": desk.rows(
            "SELECT platform_id, handle, display_name, status, price_cents, rebill_on, expires_at,"
            " value_cents, last_inbound_at, last_outbound_at FROM fans"
        ),
        "money": desk.rows(
            "SELECT transaction_id, type, amount_cents, net_cents, effective_cents, reverses"
            " FROM transactions ORDER BY transaction_id"
        ),
        "conversations": desk.rows("SELECT state, unread, last_message_at FROM conversations"),
    }


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(STORY),
    again=st.lists(st.tuples(st.sampled_from(STORY), st.booleans()), max_size=8),
)
def test_no_order_and_no_repetition_changes_where_it_ends(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    as_role: Callable[[str], Connection],
    wiring: list[str],
    api_event: Any,
    lambda_context: Any,
    order: Sequence[dict[str, Any]],
    again: Sequence[tuple[dict[str, Any], bool]],
) -> None:
    # Told again as it was, or as another event that says the same.
    repeated = [{**said, "id": f"{said['id']}-2"} if anew else said for said, anew in again]
    ends = []
    connections: dict[str, Connection] = {}

    def connect(role: str) -> Connection:
        if role not in connections:
            connections[role] = as_role(role)
        return connections[role]

    for told in (STORY, [*order, *repeated]):
        workspace_id, user_id, creator_id = tenant_factory()
        desk = Desk(connect, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
        pushing = Pushing(desk, wiring, api_event, lambda_context)
        pushing.set_secret()
        for said in told:
            assert pushing.send(said)[0] == 202
            assert pushing.work() == []
        ends.append(state(pushing.desk))
    for connection in connections.values():
        connection.close()
    assert ends[0] == ends[1]
    fan = ends[0]["fans"][0]
    assert (fan["status"], fan["rebill_on"], fan["value_cents"]) == ("expired", False, 700)
    assert [one["text"] for one in ends[0]["messages"]] == ["hello you", "look", "oops", ""]
    assert [one["unsent"] for one in ends[0]["messages"]] == [False, False, True, False]


def test_events_of_one_fan_at_once_never_wait_for_each_other(
    pushing: Pushing, as_role: Callable[[str], Connection]
) -> None:
    seen = datetime.now(UTC)
    for number in range(40):
        moment = (seen + timedelta(seconds=number)).isoformat()
        pushing.send(message("created", f"m{number}", number, number))
        subscribed = event("subscription.updated", number, f"s{number}", last_seen_at=moment)
        pushing.send(subscribed)
    told = [Queued.model_validate_json(body) for body in pushing.queue]

    def work(every: Sequence[Queued]) -> list[Outcome | None]:
        tenant = Tenant(SingleConnection(lambda: as_role("app")), pushing.desk.workspace_id)
        store = PostgresPushes(tenant)
        return [store.work_on(one.creator_id, one.event_id) for one in every]

    with ThreadPoolExecutor(4) as pool:
        done = [one for part in pool.map(work, [told[n::4] for n in range(4)]) for one in part]
    assert None not in done
    assert len(pushing.desk.rows("SELECT FROM messages")) == 40
