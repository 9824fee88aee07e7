"""From an event of the outbox to members' connections, and the same by the polling route."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.realtime.api import handler as api
from functions.realtime.fanout import handler as fanout
from functions.realtime.gateway import DynamoConnections
from functions.realtime.kinds import RULES
from functions.realtime.socket import handler as socket
from huntaze import clients
from huntaze.db import Connection, SingleConnection
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.integration.realtime.conftest import TABLE

PAGE = "https://app.example.com"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


TOLD = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(RULES)),
            st.sampled_from([0, 1, 2]),
            st.sampled_from([0, 1, 2, 3]),
        ),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=4,
)


class Live:
    """A workspace, and all the doors of what is told live."""

    def __init__(self, ids: Any, context: Any, gateway: Any) -> None:
        self.ids, self.context, self.gateway = ids, context, gateway

    def event(self, kind: str, creator_id: UUID | None = None, **facts: Any) -> dict[str, Any]:
        """An event as EventBridge puts it into the queue."""
        ids = {} if creator_id is None else {"creator_id": str(creator_id)}
        return {
            "detail-type": kind,
            "detail": {
                "id": str(new_id()),
                "workspace_id": str(self.ids.workspace_id),
                "aggregate_type": "thing",
                "aggregate_id": str(new_id()),
                "created_at": "2026-11-21T12:00:00+00:00",
                "payload": {**ids, **facts},
            },
        }

    def tell(self, *events: dict[str, Any]) -> dict[str, Any]:
        """Bring events, as the queue does."""
        records = [
            {"messageId": str(number), "body": json.dumps(event)}
            for number, event in enumerate(events)
        ]
        return fanout.handler({"Records": records}, self.context)

    def ask_in(self, ticket: str, origin: str | None = None) -> dict[str, Any]:
        """Ask to be let in, as API Gateway does; answers the authorizer's answer."""
        return socket.handler(
            {
                "type": "REQUEST",
                "methodArn": "arn:aws:execute-api:us-east-1:1:a/s/$connect",
                "headers": {} if origin is None else {"Origin": origin},
                "queryStringParameters": {"ticket": ticket},
                "requestContext": {"requestId": str(new_id())},
            },
            self.context,
        )

    def does(self, connection: str, what: str, who: dict[str, str], body: Any = "") -> None:
        """Let a connection do something."""
        text = body if isinstance(body, str) else json.dumps(body)
        about = {"connectionId": connection, "eventType": what, "authorizer": who}
        answer = socket.handler({"requestContext": about, "body": text}, self.context)
        assert answer == {"statusCode": 200}

    def connect(self, name: str, session_id: UUID, cursor: str | None = "0") -> dict[str, str]:
        """Let a member's connection in, and resume."""
        who = {"workspace_id": str(self.ids.workspace_id), "session_id": str(session_id)}
        self.does(name, "CONNECT", who)
        if cursor is not None:
            self.does(name, "MESSAGE", who, {"action": "resume", "cursor": cursor})
        return who

    def heard(self, name: str) -> list[dict[str, Any]]:
        """What a connection was sent."""
        return [json.loads(one) for one in self.gateway.sent.get(name, [])]

    def items(self, name: str) -> list[dict[str, Any]]:
        """The events that a connection was sent."""
        return [item for one in self.heard(name) for item in one.get("items", [])]


@pytest.fixture
def live(
    tenant_factory: Callable[..., Any],
    as_role: Callable[[str], Connection],
    monkeypatch: pytest.MonkeyPatch,
    lambda_context: Any,
    table: str,  # noqa: ARG001 - the doors find it by their settings
    gateway: Any,
) -> Live:
    for door in (api, fanout, socket):
        source = SingleConnection(lambda: as_role("app"))
        monkeypatch.setattr(door, "database", lambda source=source: source)
    return Live(tenant_factory(), lambda_context, gateway)


@pytest.fixture
def second_creator(live: Live, as_role: Callable[[str], Connection]) -> UUID:
    creator_id = new_id()
    as_role("master").execute(
        "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
        " VALUES (%s, %s, 'fan_platform', 'second', 'Second')",
        (live.ids.workspace_id, creator_id),
    )
    return creator_id


@pytest.fixture
def ask(live, api_event, principal, lambda_context) -> Callable[..., Answer]:
    def make(method: str, path: str, **event: Any) -> Answer:
        who = {
            "role": event.pop("role", "owner"),
            "creators": event.pop("creators", None),
            "user_id": event.pop("user_id", live.ids.user_id),
        }
        sent = api_event(method, path, principal=principal(live.ids.workspace_id, **who), **event)
        return Answer.of(api.handler(sent, lambda_context))

    return make


def test_a_ticket_opens_one_connection_for_its_session(live, ask):
    ticket = ask("POST", "/api/realtime/ticket", headers={"Origin": PAGE}).body
    assert (ticket["url"], ticket["cursor"]) == ("wss://live.example", "0")
    admitted = live.ask_in(ticket["ticket"], PAGE)
    (statement,) = admitted["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert admitted["principalId"] == str(live.ids.user_id)
    assert admitted["context"]["workspace_id"] == str(live.ids.workspace_id)
    for again in (live.ask_in(ticket["ticket"], PAGE), live.ask_in("")):
        assert again["policyDocument"]["Statement"][0]["Effect"] == "Deny"
        assert "context" not in again


def test_pages_of_others_get_no_ticket_and_are_not_let_in(live, ask):
    refused = ask("POST", "/api/realtime/ticket", headers={"Origin": "https://evil.example"})
    assert (refused.status, refused.body["error"]) == (403, "Forbidden")
    ticket = ask("POST", "/api/realtime/ticket").body["ticket"]
    denied = live.ask_in(ticket, "https://evil.example")
    assert denied["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_an_event_reaches_each_connection_whose_member_may_see_it(live, log_in, join, ask):
    creator = live.ids.creator_id
    chatter, foreign = join(live.ids, creators=[creator]), join(live.ids, creators=[new_id()])
    live.connect("owner", log_in(live.ids))
    live.connect("chatter", log_in(live.ids, chatter))
    live.connect("foreign", log_in(live.ids, foreign))
    live.tell(
        live.event("message.created", creator),
        live.event("cost.alert"),
        live.event("notification.created", user_id=str(chatter)),
        live.event("fans.imported"),
        live.event("campaign.completed", creator),
    )
    kinds = {name: [one["type"] for one in live.items(name)] for name in live.gateway.sent}
    assert kinds == {
        "owner": ["message.created", "cost.alert", "campaign.progress"],
        "chatter": ["message.created", "notification.created", "campaign.progress"],
        "foreign": [],
    }
    # Without a connection: the same events, the same cursors.
    for name, who in (
        ("owner", {}),
        ("chatter", {"user_id": chatter, "role": "chatter", "creators": [creator]}),
        ("foreign", {"user_id": foreign, "role": "chatter", "creators": [new_id()]}),
    ):
        page = ask("GET", "/api/events", query={"cursor": "0"}, **who).body
        assert page["items"] == live.items(name)
        assert page["more"] is False


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(told=TOLD, limit=st.integers(1, 7))
def test_whoever_polls_gets_the_same_as_whoever_listens(
    live, log_in, join, ask, second_creator, told, limit
):
    creators = (live.ids.creator_id, second_creator, None)
    (start,) = {ask("GET", "/api/events").body["next_cursor"]}
    members = {}
    for role, scope in (("owner", None), ("manager", 0), ("chatter", 1), ("analyst", None)):
        of = None if scope is None else [creators[scope]]
        user = live.ids.user_id if role == "owner" else join(live.ids, role=role, creators=of)
        name = f"{role}-{new_id()}"
        live.connect(name, log_in(live.ids, user), start)
        members[name] = {"user_id": user, "role": role, "creators": of}
    people = [one["user_id"] for one in members.values()]
    for batch in told:
        live.tell(
            *(
                live.event(kind, creators[creator], user_id=str(people[who]))
                for kind, creator, who in batch
            )
        )
    for name, who in members.items():
        cursor, more, items = start, True, []
        while more:
            query = {"cursor": cursor, "limit": str(limit)}
            page = ask("GET", "/api/events", query=query, **who).body
            items += page["items"]
            cursor, more = page["next_cursor"], page["more"]
        assert items == live.items(name)


def test_an_event_that_comes_again_is_told_once(live, log_in):
    live.connect("owner", log_in(live.ids))
    event = live.event("message.created", live.ids.creator_id)
    assert live.tell(event, event) == {"batchItemFailures": []}
    live.tell(event)
    assert len(live.items("owner")) == 1


def test_what_died_before_it_was_told_is_told_by_the_repetition(live, log_in, monkeypatch):
    live.connect("owner", log_in(live.ids))
    event = live.event("message.created", live.ids.creator_id)
    with monkeypatch.context() as patch:
        patch.setattr(fanout, "deliver", lambda *_: 1 / 0)
        assert live.tell(event) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    live.tell(event)
    assert len(live.items("owner")) == 1


def test_many_messages_of_a_campaign_are_one_step_of_its_progress(live, log_in, monkeypatch):
    queue = Mock()
    monkeypatch.setattr(clients, "sqs", lambda: queue)
    live.connect("owner", log_in(live.ids))
    campaign = {"campaign_id": str(new_id())}
    settled = [
        live.event("message.settled", live.ids.creator_id, **campaign, state="sent")
        for _ in range(3)
    ]
    live.tell(*settled, live.event("message.settled", live.ids.creator_id, campaign_id=None))
    (queued,) = queue.send_message.call_args_list
    assert 1 <= queued.kwargs["DelaySeconds"] <= 5
    later = json.loads(queued.kwargs["MessageBody"])
    live.tell(later)
    live.tell(later)
    (step,) = [one for one in live.items("owner") if one["type"] == "campaign.progress"]
    assert step["data"] == {**campaign, "creator_id": str(live.ids.creator_id)}
    assert step["creator_id"] == str(live.ids.creator_id)


def test_one_bad_message_comes_back_alone(live, log_in):
    live.connect("owner", log_in(live.ids))
    records = [
        {"messageId": "bad", "body": "{}"},
        {"messageId": "good", "body": json.dumps(live.event("message.created"))},
    ]
    answer = fanout.handler({"Records": records}, live.context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(live.items("owner")) == 1


def test_who_left_and_who_was_sent_away_hear_no_more(live, log_in, join, as_role):
    chatter = join(live.ids)
    session = log_in(live.ids, chatter)
    gone = live.connect("left", log_in(live.ids))
    live.connect("removed", session)
    live.does("left", "DISCONNECT", gone)
    live.tell(live.event("message.created"))
    assert [len(live.items(name)) for name in ("left", "removed")] == [0, 1]
    as_role("identity").execute("UPDATE sessions SET revoked_at = now() WHERE id = %s", (session,))
    live.tell(live.event("message.created"))
    assert len(live.items("removed")) == 1
    assert live.gateway.closed == {"removed"}


def test_a_scope_that_is_narrowed_counts_at_once(live, log_in, join, as_role):
    chatter = join(live.ids)
    live.connect("chatter", log_in(live.ids, chatter))
    as_role("identity")
    as_role("master").execute(
        "UPDATE members SET creator_scope = %s WHERE user_id = %s", ([new_id()], chatter)
    )
    live.tell(live.event("message.created", live.ids.creator_id))
    assert live.items("chatter") == []
    assert live.gateway.closed == set()


def test_a_connection_that_broke_goes_on_where_it_was(live, log_in, ask):
    session = log_in(live.ids)
    live.connect("first", session)
    live.tell(live.event("message.created"))
    cursor = live.heard("first")[-1]["cursor"]
    live.gateway.gone.add("first")
    missed = [live.event("message.created") for _ in range(3)]
    live.tell(*missed)
    live.connect("second", session, cursor)
    assert len(live.items("second")) == 3
    assert live.heard("second")[-1]["type"] == "resumed"
    live.tell(live.event("draft.created"))
    page = ask("GET", "/api/events", query={"cursor": cursor, "limit": "2"}).body
    assert (page["items"], page["more"]) == (live.items("second")[:2], True)
    rest = ask("GET", "/api/events", query={"cursor": page["next_cursor"]}).body
    assert page["items"] + rest["items"] == live.items("second")
    assert ask("GET", "/api/events", query={"cursor": rest["next_cursor"]}).body["items"] == []


def test_who_has_not_resumed_is_sent_nothing(live, log_in):
    who = live.connect("quiet", log_in(live.ids), cursor=None)
    live.tell(live.event("message.created"))
    assert live.heard("quiet") == []
    live.does("quiet", "MESSAGE", who, {"action": "ping"})
    assert live.heard("quiet") == [{"type": "pong", "cursor": None}]


def test_a_ping_brings_what_is_missing_and_the_cursor_of_now(live, log_in, ask):
    who = live.connect("owner", log_in(live.ids))
    live.tell(live.event("message.created"))
    live.does("owner", "MESSAGE", who, {"action": "ping"})
    pong = live.heard("owner")[-1]
    now = ask("GET", "/api/events").body["next_cursor"]
    assert pong == {"type": "pong", "cursor": now}


def test_a_connection_that_nobody_sends_to_is_ended_when_it_says_something(live, log_in):
    who = live.connect("lost", log_in(live.ids))
    workspace = live.ids.workspace_id
    DynamoConnections(TABLE, lambda: NOW).remove(workspace, "lost")
    live.does("lost", "MESSAGE", who, {"action": "ping"})
    assert [one["type"] for one in live.heard("lost")] == ["resumed"]
    assert live.gateway.closed == {"lost"}


def test_a_client_that_runs_wild_is_ended(live, log_in, monkeypatch):
    monkeypatch.setattr(socket, "_MOST_MESSAGES", 3)
    who = live.connect("wild", log_in(live.ids))
    for _ in range(4):
        live.does("wild", "MESSAGE", who, {"action": "ping"})
    assert [one["type"] for one in live.heard("wild")] == ["resumed", "pong", "pong"]
    assert live.gateway.closed == {"wild"}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("", "BadRequest"),
        ("[" * 500, "BadRequest"),
        ("x" * 1001, "BadRequest"),
        ({"action": "sing"}, "BadRequest"),
        ({"action": "resume"}, "BadRequest"),
        ({"action": "resume", "cursor": 7}, "BadRequest"),
        ({"action": "resume", "cursor": "1.x"}, "BadRequest"),
        ({"action": "resume", "cursor": "0"}, "BadRequest"),
        ({"action": "resume", "cursor": f"9.{'0' * 32}"}, "CursorExpired"),
    ],
)
def test_what_a_client_gets_wrong_it_is_told(live, log_in, said, error):
    who = live.connect("owner", log_in(live.ids))
    live.does("owner", "MESSAGE", who, said)
    told = live.heard("owner")[-1]
    assert (told["type"], told["error"]) == ("error", error)
    assert told["detail"]


def test_a_cursor_that_is_too_old_says_reload(live, ask):
    live.tell(live.event("message.created"))
    for cursor, status, error in (
        (f"9.{'0' * 32}", 410, "CursorExpired"),
        ("nonsense", 400, "BadRequest"),
    ):
        refused = ask("GET", "/api/events", query={"cursor": cursor})
        assert (refused.status, refused.body["error"]) == (status, error)
    # The place at the end is good for whoever may not see what stands there.
    end = ask("GET", "/api/events").body["next_cursor"]
    live.tell(live.event("message.created"))
    who = {"role": "chatter", "creators": [new_id()], "user_id": new_id()}
    page = ask("GET", "/api/events", query={"cursor": end}, **who)
    assert (page.status, page.body["items"]) == (200, [])
