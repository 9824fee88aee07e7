"""Beneath the routes: by no key can a row be made to point at another workspace's."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from huntaze.db import EVERY_MEMBER, Connection, SingleConnection, Tenant
from huntaze.ids import new_id
from tests.integration.matrix.entry import Ids

# What a message says, and to whom, is frozen before any key is looked at; a draft that waits has
# no message.
REFUSED = defaultdict(lambda: (psycopg.errors.ForeignKeyViolation,)) | dict.fromkeys(
    ("sends", "reply_drafts"), (psycopg.errors.ForeignKeyViolation, psycopg.errors.CheckViolation)
)
UNIQUE_TEXTS = {
    "suppressions": ("platform_key",),
    "fans": ("platform_id",),
    "fan_lists": ("name",),
    "segments": ("name",),
    "media": ("platform_media_id",),
    "transactions": ("transaction_id",),
    "idempotency_keys": ("key",),
}
GENERATED = {"handle_key", "name_key", "last_name_key", "email_key", "moved_at", "words"}


@pytest.fixture
def keys(as_role) -> list[tuple[str, str, list[str], list[str]]]:
    """Every key between tables of tenants: table, target, and the columns of each."""
    rows = as_role("master").execute(
        "SELECT k.conrelid::regclass::text, k.confrelid::regclass::text,"
        " (SELECT array_agg(a.attname::text ORDER BY c.place)"
        "    FROM unnest(k.conkey) WITH ORDINALITY c (number, place)"
        "    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.number),"
        " (SELECT array_agg(a.attname::text ORDER BY c.place)"
        "    FROM unnest(k.confkey) WITH ORDINALITY c (number, place)"
        "    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.number)"
        " FROM pg_constraint k WHERE k.contype = 'f'"
        " AND k.connamespace = 'public'::regnamespace ORDER BY 1, 2"
    )
    # These are above all workspaces.
    above = {"users", "workspaces", "refresh_tokens"}
    return [row for row in rows.fetchall() if not above & {row[0], row[1]}]


@pytest.mark.parametrize("role", ["app", "worker"])
def test_no_key_reaches_into_another_workspace(as_role, workspace, keys, role):
    mine, _ = workspace()
    theirs, _ = workspace()
    assert len(keys) > 15
    source, reader = (
        SingleConnection(lambda: as_role(role)),
        SingleConnection(lambda: as_role("app")),
    )
    tenant = Tenant(source, UUID(mine["workspace_id"]), member=EVERY_MEMBER)
    tried = 0
    writable = _writable(as_role, role)
    for table, target, columns, targets in keys:
        if table not in writable:
            continue
        their_row = _row(reader, theirs, target)
        foreign = {
            column: str(their_row[to])
            for column, to in zip(columns, targets, strict=True)
            if column != "workspace_id"
        }
        # All of the key, and each part of it alone.
        for change in (foreign, *({name: value} for name, value in foreign.items())):
            # Everybody's first version has the number 1: alone it is nobody else's.
            if all(value.isdigit() for value in change.values()):
                continue
            for statement in (_changed(table, change), _copied(reader, table, mine, change)):
                try:
                    with tenant.transaction() as connection:
                        found = connection.execute(statement).rowcount
                except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UniqueViolation):
                    continue
                except REFUSED[table]:
                    tried += 1
                    continue
                assert found == 0, (table, change)
    assert tried > (30 if role == "app" else 5)


def _writable(as_role: Callable[[str], Connection], role: str) -> set[str]:
    """The tables in which a role could make a row point anywhere."""
    rows = as_role("master").execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND has_any_column_privilege(%s, oid, 'INSERT, UPDATE')",
        (role,),
    )
    return {row[0] for row in rows}


def _row(source: SingleConnection, ids: Ids, table: str) -> dict[str, Any]:
    tenant = Tenant(source, UUID(ids["workspace_id"]), member=EVERY_MEMBER)
    query = sql.SQL("SELECT to_jsonb(t) FROM {} t LIMIT 1").format(sql.Identifier(table))
    with tenant.transaction() as connection:
        row = connection.execute(query).fetchone()
    assert row is not None, f"a full workspace has no row in {table}"
    found: dict[str, Any] = row[0]
    return found


def _fresh(name: str) -> str:
    return f"\\x{new_id().hex}" if name == "platform_key" else str(new_id())


def _changed(table: str, change: dict[str, str]) -> sql.Composed:
    assignments = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in change.items()
    ]
    return sql.SQL("UPDATE {} SET {}").format(
        sql.Identifier(table), sql.SQL(", ").join(assignments)
    )


def _copied(
    reader: SingleConnection, table: str, mine: Ids, change: dict[str, str]
) -> sql.Composed:
    """A second row like mine, in conflict with no unique key, that points elsewhere."""
    row = _row(reader, mine, table)
    fresh = {name: _fresh(name) for name in ("id", *UNIQUE_TEXTS.get(table, ())) if name in row}
    if table == "media_grants":
        fresh["media_id"] = mine["spare_media_id"]
    row = {name: value for name, value in row.items() if name not in GENERATED}
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    return sql.SQL(
        "INSERT INTO {0} ({1}) SELECT {1} FROM jsonb_populate_record(NULL::{0}, {2})"
    ).format(sql.Identifier(table), names, sql.Literal(Jsonb({**row, **fresh, **change})))
