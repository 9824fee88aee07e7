"""What sweeps, pushes and requests look at does not grow with what others have, or have not due."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from functions.auth.oauth.models import Provider, Start
from functions.auth.oauth.repository import PostgresOAuth
from functions.automations import running
from functions.platforms.repository import PostgresConnections
from huntaze import idempotency
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.domain.outbound import commands, lanes, syncs
from huntaze.domain.outbound.rate import Limits

# More than what is cheaper to read whole.
MANY = 20_000
CREATOR = UUID(int=1)
WORKSPACE = UUID(int=2)
CAMPAIGN = UUID(int=3)
PERSON = UUID(int=4)

_FIXED: dict[str, object] = {
    "creator": CREATOR,
    "workspace": WORKSPACE,
    "campaign": CAMPAIGN,
    "person": PERSON,
}
_LATER = "clock_timestamp() + interval '1 day'"
_IN_A_WEEK = "clock_timestamp() + interval '7 days'"
_PAST = "clock_timestamp() - interval '2 days'"
# Of a column that must be given: some value of its type, another one in each row.
_SOME = {
    "uuid": "gen_random_uuid()",
    "text": "n::text",
    "bytea": "decode(md5(n::text) || md5(n::text), 'hex')",
    "jsonb": "'{}'",
    "ARRAY": "'{}'",
    "boolean": "false",
    "date": "current_date",
    "timestamp with time zone": "clock_timestamp()",
    "timestamp without time zone": "localtimestamp",
}
_OF_NUMBER = "n"


class Rows(NamedTuple):
    """Rows that a table is filled with: SQL for some columns, where ``n`` is the row's number."""

    table: LiteralString
    values: Mapping[str, LiteralString]
    count: int = MANY


class Case(NamedTuple):
    """What is there, and what is done."""

    there: tuple[Rows, ...]
    done: LiteralString | Callable[[Connection], object]


_FUTURE_SENDS = Rows(
    "sends",
    {
        "creator_id": "%(creator)s",
        "campaign_id": "%(campaign)s",
        "state": "'planned'",
        "due_at": _LATER,
    },
)
_SENDING = Rows(
    "campaigns", {"id": "%(campaign)s", "creator_id": "%(creator)s", "status": "'sending'"}, 1
)
_SLOWLY = _SENDING._replace(values={**_SENDING.values, "messages_per_minute": "1"})
_SENT_BY_OTHERS = Rows(
    "sends",
    {
        "workspace_id": "%(workspace)s",
        "creator_id": "%(creator)s",
        "state": "'sent'",
        "granted_at": _PAST,
    },
)
_SENT_BEFORE = Rows(
    "sends",
    {
        **_SENT_BY_OTHERS.values,
        "campaign_id": "%(campaign)s",
        "granted_at": "clock_timestamp() - interval '3 days'",
    },
)
_DUE_SEND = Rows(
    "sends",
    {
        "workspace_id": "%(workspace)s",
        "creator_id": "%(creator)s",
        "campaign_id": "%(campaign)s",
        "fan_id": "%(person)s",
        "state": "'planned'",
        "due_at": _PAST,
    },
    1,
)
_FAN = Rows("fans", {"workspace_id": "%(workspace)s", "id": "%(person)s"}, 1)
_LANE = Rows(
    "creator_lanes",
    {"workspace_id": "%(workspace)s", "creator_id": "%(creator)s", "status": "'active'"},
    1,
)
_UNSENDS = Rows(
    "creator_commands",
    {
        "workspace_id": "%(workspace)s",
        "creator_id": "%(creator)s",
        "kind": "'unsend'",
        "payload": "jsonb_build_object('send_id', n)",
        "due_at": _LATER,
    },
)
_WAITING_RUNS = Rows("automation_runs", {"status": "'waiting'", "due_at": _LATER})


def _next_due(connection: Connection) -> object:
    limits = Limits(messages_per_minute=10, min_gap=timedelta(0))
    lane = lanes.LaneState(datetime.now(UTC), "fan_platform", True, None, limits, [])
    claim = lanes.Claim(WORKSPACE, CREATOR, 1)
    return lanes.next_due(connection, claim, lane, ahead=timedelta(0))


def _look(connection: Connection) -> None:
    claim = lanes.Claim(WORKSPACE, CREATOR, 1)
    assert commands.next_order(connection, claim) is None
    assert syncs.next_sync(connection, claim) is None


def _next_due_at_last(connection: Connection) -> object:
    due = _next_due(connection)
    assert due is not None
    return due


def _status(connection: Connection) -> object:
    tenant = Tenant(SingleConnection(lambda: connection), WORKSPACE)
    return PostgresConnections(tenant).status(CREATOR)


def _start_oauth(connection: Connection) -> None:
    start = Start("/", None)
    PostgresOAuth(SingleConnection(lambda: connection)).add_start(
        b"s" * 32, b"b" * 32, Provider.GOOGLE, start, datetime.now(UTC)
    )


CASES = {
    "lanes_with_due_work": Case(
        (_LANE, _SENDING, _FUTURE_SENDS), "SELECT count(*) FROM lanes_with_due_work()"
    ),
    "lane_figures": Case((_LANE, _SENDING, _FUTURE_SENDS), "SELECT lane_figures('5 minutes')"),
    "lanes_with_due_work behind unsends": Case(
        (_LANE, _UNSENDS), "SELECT count(*) FROM lanes_with_due_work()"
    ),
    "orders": Case((_LANE, _UNSENDS), _look),
    "next_due": Case((_SENDING, _FUTURE_SENDS), _next_due),
    "next_due of a slow campaign": Case(
        (_SLOWLY, _FAN, _SENT_BEFORE, _SENT_BY_OTHERS, _DUE_SEND), _next_due_at_last
    ),
    "automations_due": Case((_WAITING_RUNS,), "SELECT count(*) FROM automations_due(10)"),
    "runs due": Case((_WAITING_RUNS,), lambda made: made.execute(running._DUE, (10,))),
    "platform_events_to_queue": Case(
        (
            Rows("platform_events", {}),
            Rows("platform_versions", {}),
        ),
        "SELECT count(*) FROM platform_events_to_queue('5 minutes', 500)",
    ),
    "forget_live_events": Case((Rows("live_events", {}),), "SELECT forget_live_events(500)"),
    "ai_calls_stored": Case(
        (
            Rows(
                "ai_calls",
                {"state": "'settled'", "settled_at": _PAST, "stored_at": "clock_timestamp()"},
            ),
        ),
        "SELECT ai_calls_stored(ARRAY[%(person)s]::uuid[])",
    ),
    "ai_tidy": Case(
        (
            Rows("ai_calls", {"state": "'settled'", "stored_at": "clock_timestamp()"}),
            Rows("ai_chats", {"asked_at": "clock_timestamp()"}),
        ),
        "SELECT ai_tidy()",
    ),
    "ai_budget_figures": Case(
        (
            Rows("ai_spending", {"period": "'day'", "starts_on": "current_date - 7 - mod(n, 300)"}),
            Rows("ai_generations", {"result": "'BudgetUsedUp'", "started_at": _PAST}),
        ),
        "SELECT ai_budget_figures()",
    ),
    "wake_snoozed_conversations": Case(
        (Rows("conversations", {"state": "'snoozed'", "snoozed_until": _LATER}),),
        "SELECT wake_snoozed_conversations()",
    ),
    "media_to_work_at": Case(
        (
            Rows("content_schedule", {"status": "'scheduled'", "at": _LATER}),
            Rows("media_uploads", {"look_at": _LATER}),
        ),
        "SELECT count(*) FROM media_to_work_at(50)",
    ),
    "reply_tasks_due": Case(
        (Rows("reply_tasks", {"state": "'waiting'", "due_at": _LATER}),),
        "SELECT count(*) FROM reply_tasks_due(50)",
    ),
    "digests_due": Case(
        (
            Rows(
                "notification_preferences",
                {"digest": "'daily'", "emails": "true", "next_digest_at": _LATER},
            ),
        ),
        "SELECT count(*) FROM digests_due(clock_timestamp(), 100)",
    ),
    "billing_due": Case(
        (
            Rows("billing_accounts", {"workspace_id": "%(workspace)s"}, 1),
            Rows("metered_usage", {"workspace_id": "%(workspace)s", "used_at": _PAST}),
            Rows("workspaces", {"plan": "'pro'", "plan_until": _LATER}),
            Rows(
                "workspaces",
                {"plan": "'trial'", "plan_until": _LATER, "trial_ends_at": _IN_A_WEEK},
            ),
        ),
        "SELECT count(*) FROM billing_due()",
    ),
    "workflow_figures": Case(
        (Rows("workflows", {"status": "'completed'", "finished_at": _PAST}),),
        "SELECT workflow_figures()",
    ),
    "forget_person": Case(
        (Rows("users", {"id": "%(person)s"}, 1), Rows("mails", {"address": "n::text"})),
        "SELECT forget_person(%(person)s)",
    ),
    "a send that goes": Case(
        # As the foreign key asks for each send of a campaign that is planned anew.
        (Rows("auto_replies", {"workspace_id": "%(workspace)s", "creator_id": "%(creator)s"}),),
        "SELECT FROM auto_replies WHERE workspace_id = %(workspace)s AND creator_id = %(creator)s"
        " AND send_id = %(person)s FOR KEY SHARE",
    ),
    "status of a connection": Case(
        (
            _LANE,
            Rows("creators", {"workspace_id": "%(workspace)s", "id": "%(creator)s"}, 1),
            Rows("sends", {"state": "'planned'", "due_at": _LATER}),
            Rows(
                "sends",
                {
                    "workspace_id": "%(workspace)s",
                    "creator_id": "%(creator)s",
                    "state": "'sent'",
                    "due_at": _PAST,
                },
            ),
        ),
        _status,
    ),
    "oauth": Case(
        (Rows("oauth_starts", {"expires_at": _LATER}),),
        _start_oauth,
    ),
    "idempotency": Case(
        (Rows("idempotency_keys", {"workspace_id": "%(workspace)s"}),),
        lambda made: idempotency._sweep(
            made, idempotency.KeyedRequest(WORKSPACE, PERSON, "r", "k", b"h")
        ),
    ),
}


@pytest.fixture
def master(as_role: Callable[[str], Connection]) -> Iterator[Connection]:
    connection = as_role("master")
    with connection.transaction():
        yield connection
        raise psycopg.Rollback


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_looks_at_what_is_wanted(master: Connection, case: Case) -> None:
    for rows in case.there:
        # What other tests have left is there again after the rollback.
        master.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(rows.table)))
        _free(master, rows.table)
    for rows in case.there:
        _fill(master, rows)
    before = _rows_read(master, case)
    if callable(case.done):
        case.done(master)
    else:
        master.execute(case.done, _FIXED)
    assert _rows_read(master, case) - before < MANY / 100


def _free(master: Connection, table: LiteralString) -> None:
    """Let a table take any rows until the end of the transaction."""
    name = sql.Identifier(table)
    master.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name))
    master.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
    for (rule,) in master.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('c', 'f')",
        (table,),
    ).fetchall():
        master.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(name, sql.Identifier(rule))
        )


def _fill(master: Connection, rows: Rows) -> None:
    needed = master.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " AND is_nullable = 'NO' AND column_default IS NULL AND is_generated = 'NEVER'",
        (rows.table,),
    ).fetchall()
    values: dict[str, Any] = {name: _SOME.get(kind, _OF_NUMBER) for name, kind in needed}
    values.update(rows.values)
    query = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM generate_series(1, {}) n").format(
        sql.Identifier(rows.table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.SQL, values.values())),
        sql.Literal(rows.count),
    )
    master.execute(query, _FIXED)
    master.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(rows.table)))


def _rows_read(master: Connection, case: Case) -> int:
    """Rows of the filled tables that this transaction has looked at."""
    (rows,) = master.execute(
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        " WHERE relname = ANY (%s)",
        ([rows.table for rows in case.there],),
    ).fetchone() or (0,)
    return int(rows)
