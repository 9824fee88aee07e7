"""Two people at one conversation at once, or a person and the fan: the second waits."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from huntaze.db import Connection, Tenant
from huntaze.domain import conversations
from huntaze.domain.conversations import SeenMessage
from huntaze.domain.conversations import desk as work
from huntaze.domain.fans import caring
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.talk import Talk


@pytest.fixture
def other(desk: Desk, tenant: Callable[..., Tenant]) -> Tenant:
    """Another connection to the workspace, which waits for nobody."""
    return tenant(desk.workspace_id)


def _impatient(connection: Connection) -> Connection:
    connection.execute("SET LOCAL lock_timeout = '200ms'")
    return connection


def test_labels_replace_all_labels_also_when_two_set_them_at_once(
    desk: Desk, other: Tenant, talk: Callable[..., Talk]
) -> None:
    one = talk()
    one.theirs(5)
    conversation_id = UUID(one.path.rsplit("/", 1)[1])
    with desk.app.transaction() as connection:
        work.label(connection, conversation_id, ["warm", "new"])
        with pytest.raises(psycopg.errors.LockNotAvailable), other.transaction() as second:
            work.label(_impatient(second), conversation_id, ["cold"])
    with other.transaction() as second:
        work.label(second, conversation_id, ["cold"])
    assert [row["label"] for row in desk.rows("SELECT label FROM conversation_labels")] == ["cold"]


def test_nobody_is_given_a_fan_while_they_leave(
    desk: Desk, other: Tenant, talk: Callable[..., Talk]
) -> None:
    with desk.app.transaction() as connection:
        connection.execute("DELETE FROM members WHERE user_id = %s", (desk.user_id,))
        with pytest.raises(psycopg.errors.LockNotAvailable), other.transaction() as second:
            caring.require_caretaker(_impatient(second), desk.creator_id, desk.user_id)
    assert talk()


def test_nothing_is_put_away_that_the_fan_writes_meanwhile(
    desk: Desk, other: Tenant, talk: Callable[..., Talk]
) -> None:
    one = talk()
    seen = one.theirs(5)
    conversation_id = UUID(one.path.rsplit("/", 1)[1])
    word = SeenMessage("meanwhile", False, "I need help", datetime.now(UTC))
    with desk.app.transaction() as connection:
        conversations.store(connection, desk.creator_id, one.platform_id, [word])
        # It is not committed, and cannot be seen: whoever closes waits for it.
        with pytest.raises(psycopg.errors.LockNotAvailable), other.transaction() as second:
            work.require_unmoved(_impatient(second), conversation_id, seen)
    with pytest.raises(work.MovedOnError), other.transaction() as second:
        work.require_unmoved(second, conversation_id, seen)
    with desk.app.transaction() as connection:
        conversations.note_taken_back(connection, desk.creator_id, "meanwhile")
    with other.transaction() as second:
        work.require_unmoved(second, conversation_id, seen)
        with (
            pytest.raises(psycopg.errors.LockNotAvailable),
            desk.app.transaction() as connection,
        ):
            conversations.store(_impatient(connection), desk.creator_id, one.platform_id, [word])


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("PATCH", {"state": "done"}),
        ("PATCH", {"state": "waiting", "assigned_to": None}),
        ("PATCH", {"labels": ["done"]}),
        ("DELETE", None),
    ],
)
def test_who_names_what_they_have_seen_puts_nothing_newer_away(
    desk: Desk,
    call: Callable[..., Answer],
    talk: Callable[..., Talk],
    method: str,
    changes: dict[str, Any] | None,
) -> None:
    one, other = talk(), talk()
    seen, foreign = one.theirs(30), other.theirs(29)
    one.ours(20)
    newer = one.theirs(10)

    def put_away(message_id: UUID) -> Answer:
        named = {"message_id": str(message_id)}
        if changes is None:
            return call(method, one.path, query=named)
        return call(method, one.path, {**changes, **named})

    before = call("GET", one.path).body
    refused = put_away(seen)
    assert (refused.status, refused.body["error"]) == (409, "MovedOn")
    assert put_away(foreign).status == 404
    assert call("GET", one.path).body == before
    # What is told late stands before it, and nobody has seen it.
    late = one.theirs(15)
    assert put_away(newer).status == 409
    with desk.app.transaction() as connection:
        work.mark_read(connection, late)
    # What we write moves nothing on.
    one.ours(5)
    assert put_away(newer).status in (200, 204)
    assert call("GET", one.path).body != before
