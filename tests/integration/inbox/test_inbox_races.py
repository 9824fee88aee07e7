"""Two people at one conversation at once: the second waits for the first."""

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from huntaze.db import Connection, Tenant
from huntaze.domain.conversations import desk as work
from huntaze.domain.fans import caring
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
