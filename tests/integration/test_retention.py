"""What is over is deleted by a sweep, and nothing that is not."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.notifications.repository import PostgresMails
from functions.notifications.sweep import handler as sweep
from huntaze.db import SingleConnection
from huntaze.ids import new_id

# Of each table: who owns a row of the test, what a row needs, and when it is over.
ROWS = {
    "notifications": (
        "INSERT INTO notifications (workspace_id, user_id, event_id, kind, target_kind, target_id,"
        " in_app, happened_at, created_at) VALUES (%(workspace)s, %(user)s, %(id)s, 'k', 't',"
        " %(id)s, true, now(), now() - %(age)s)",
        90 * 24,
    ),
    "notification_digests": (
        "INSERT INTO notification_digests (workspace_id, user_id, period, mail_id, created_at)"
        " VALUES (%(workspace)s, %(user)s, (now() - %(age)s)::date, %(id)s, now() - %(age)s)",
        90 * 24,
    ),
    "mails": (
        "INSERT INTO mails (id, template, user_id, state, created_at)"
        " VALUES (%(id)s, 'welcome', %(user)s, 'dropped', now() - %(age)s)",
        90 * 24,
    ),
    "invitations": (
        "INSERT INTO invitations (workspace_id, email, role, mailed_at, invited_by, expires_at)"
        " VALUES (%(workspace)s, %(id)s || '@example.com', 'chatter', now(), %(user)s,"
        " now() - %(age)s)",
        90 * 24,
    ),
    "sessions": (
        "INSERT INTO sessions (id, user_id, workspace_id, expires_at)"
        " VALUES (%(id)s, %(user)s, %(workspace)s, now() - %(age)s)",
        90 * 24,
    ),
    "account_tokens": (
        "INSERT INTO account_tokens (token_hash, purpose, user_id, email, issued_at, expires_at)"
        " VALUES (sha256(%(id)s::text::bytea), 'magic_link', %(user)s, 'a@b.cc', now(),"
        " now() - %(age)s)",
        24,
    ),
    "login_attempts": (
        "INSERT INTO login_attempts (email, success, attempted_at)"
        " VALUES (%(user)s || '@example.com', false, now() - %(age)s)",
        30 * 24,
    ),
    "identity_requests": (
        "INSERT INTO identity_requests (subject, requested_at)"
        " VALUES ('mail to ' || %(user)s, now() - %(age)s)",
        24,
    ),
    "idempotency_keys": (
        "INSERT INTO idempotency_keys (workspace_id, user_id, route, key, request_hash, reply,"
        " created_at) VALUES (%(workspace)s, %(user)s, 'POST /x', %(id)s,"
        " sha256('x'), '{}', now() - %(age)s)",
        25,
    ),
}
WHOSE = {
    "account_tokens": "user_id::text",
    "login_attempts": "split_part(email, '@', 1)",
    "identity_requests": "substr(subject, 9)",
    "invitations": "invited_by::text",
}


@pytest.fixture
def rows(tenant_factory, as_role) -> Callable[..., Any]:
    """Add a row of so many hours to a table; afterwards, count those of the test."""
    ids = tenant_factory()
    master = as_role("master")

    def add(table: str, hours: int) -> Callable[[], int]:
        values = {"workspace": ids.workspace_id, "user": ids.user_id, "id": str(new_id())}
        master.execute(
            ROWS[table][0].replace("%(age)s", "%(age)s * interval '1 hour'"),
            {**values, "age": hours},
        )

        def count() -> int:
            column = WHOSE.get(table, "user_id::text")
            (found,) = master.execute(
                f"SELECT count(*) FROM {table} WHERE {column} = %s", (str(ids.user_id),)
            ).fetchone() or (0,)
            return int(found)

        return count

    return add


@pytest.fixture
def swept(as_role, monkeypatch, lambda_context) -> Callable[[], None]:
    monkeypatch.setattr(sweep, "database", lambda: SingleConnection(lambda: as_role("mailer")))
    monkeypatch.setattr(sweep, "enqueue", len)
    return lambda: sweep.handler({}, lambda_context)


@pytest.mark.parametrize("table", sorted(ROWS))
def test_forgets_what_is_over_and_keeps_the_rest(rows, swept, table):
    over = ROWS[table][1]
    rows(table, over + 30)
    left = rows(table, over - 10)
    assert left() == 2
    swept()
    assert left() == 1


def test_a_mail_that_waits_is_kept_however_old(rows, swept, as_role):
    left = rows("mails", 100 * 24)
    as_role("master").execute(
        "UPDATE mails SET state = 'planned' WHERE created_at < now() - interval '95 days'"
    )
    swept()
    assert left() == 1


def test_forgets_a_part_at_a_time(rows, as_role):
    for _ in range(3):
        left = rows("notifications", 91 * 24)
    store = PostgresMails(SingleConnection(lambda: as_role("mailer")))
    before = left()
    assert store.forget(2)["notifications"] == 2
    assert left() >= before - 2
    while "notifications" in store.forget(2):
        pass
    assert left() == 0
