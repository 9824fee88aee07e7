"""What keeps workspaces apart, read from the catalogue and tried as each role."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from huntaze.db import Connection
from huntaze.ids import new_id

ROLES = (
    *("app", "worker", "authorizer", "identity", "intake", "relay", "auditor", "mailer"),
    *("operations", "eraser", "gatekeeper"),
)
# Whose rows belong to no workspace, and who may look at them: the definer functions and `identity`.
GLOBAL_TABLES = {
    *("users", "refresh_tokens", "login_attempts", "request_counters", "kill_switches"),
    *("schema_migrations", "database_life", "database_restores"),
    *("mails", "account_tokens", "identity_requests", "oauth_accounts", "oauth_starts"),
    # Stripe's events: whose they are turns out when they are worked on.
    "stripe_events",
    # Addresses are people's, and people may be in several workspaces.
    *("undeliverable_addresses", "readmissions"),
    *("platform_operators", "operator_changes", "flag_changes"),
}
TENANT_COLUMN = {"workspaces": "id"}


@pytest.fixture
def catalogue(as_role: Callable[[str], Connection]) -> Callable[..., list[tuple[Any, ...]]]:
    """Ask the catalogue, which every role may read."""
    connection = as_role("master")
    return lambda query, *values: connection.execute(query, values).fetchall()


@pytest.fixture
def tenant_tables(catalogue) -> set[str]:
    rows = catalogue(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND a.attname = 'workspace_id' AND NOT a.attisdropped"
    )
    return {row[0] for row in rows} | set(TENANT_COLUMN)


def test_every_table_is_a_tenants_or_known_to_be_global(catalogue, tenant_tables):
    rows = catalogue(
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    assert {row[0] for row in rows} == tenant_tables | GLOBAL_TABLES


def test_no_view_goes_round_the_policies(catalogue):
    # A view reads with its owner's rights.
    assert (
        catalogue(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')"
        )
        == []
    )


def test_row_security_is_on_and_forced(catalogue, tenant_tables):
    rows = catalogue(
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relname = ANY (%s)",
        list(tenant_tables),
    )
    assert {row[0] for row in rows if not (row[1] and row[2])} == set()


def test_the_tenants_policy_holds_for_reading_and_writing(catalogue, tenant_tables):
    rows = catalogue(
        "SELECT tablename, qual, with_check FROM pg_policies WHERE schemaname = 'public'"
        " AND policyname = 'tenant' AND permissive = 'PERMISSIVE' AND cmd = 'ALL'"
        " AND roles @> '{app,worker}'::name[]"
    )
    assert {row[0] for row in rows} == tenant_tables
    for table, using, check in rows:
        column = TENANT_COLUMN.get(table, "workspace_id")
        assert using == check
        assert using.startswith(f"({column} = ")
        assert "app.workspace_id" in using


def test_no_other_permissive_policy_opens_a_table_to_app_or_worker(catalogue):
    rows = catalogue(
        "SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'"
        " AND permissive = 'PERMISSIVE' AND policyname <> 'tenant'"
        " AND roles && '{app,worker,public}'::name[]"
    )
    # Fellow members, found through the caller's own members; and the caller's own row.
    assert sorted(rows) == [("users", "fellow_members"), ("users", "own_language")]


def test_the_creators_scope_narrows_every_table_that_names_a_creator(catalogue):
    with_creator = catalogue(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        " AND a.attname = 'creator_id' AND NOT a.attisdropped"
    )
    narrowed = catalogue(
        "SELECT tablename FROM pg_policies WHERE schemaname = 'public'"
        " AND policyname = 'creator_scope' AND permissive = 'RESTRICTIVE' AND cmd = 'ALL'"
        " AND qual = with_check AND roles @> '{app}'::name[]"
    )
    assert set(narrowed) == {*with_creator, ("creators",)}


def test_keys_between_tenants_tables_carry_the_workspace(catalogue, tenant_tables):
    """Row security does not apply to key checks: a plain key could point at another's row."""
    keys = catalogue(
        "SELECT k.conname, k.conrelid::regclass::text, k.confrelid::regclass::text,"
        " (SELECT array_agg(a.attname::text ORDER BY c.place)"
        "    FROM unnest(k.conkey) WITH ORDINALITY c (number, place)"
        "    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.number),"
        " (SELECT array_agg(a.attname::text ORDER BY c.place)"
        "    FROM unnest(k.confkey) WITH ORDINALITY c (number, place)"
        "    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.number)"
        " FROM pg_constraint k"
        " WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace"
    )
    plain = [
        name
        for name, source, target, columns, targets in keys
        if {source, target} <= tenant_tables
        and (columns[0], targets[0]) != ("workspace_id", TENANT_COLUMN.get(target, "workspace_id"))
    ]
    assert plain == []
    assert len(keys) > 15


def test_unique_keys_tell_nobody_of_anothers_rows(catalogue, tenant_tables):
    """A unique key over all workspaces answers whether another has a value."""
    rows = catalogue(
        "SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text,"
        " (SELECT array_agg(a.attname::text) FROM unnest(i.indkey::int[]) n"
        "    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = n),"
        " (SELECT bool_and(a.atttypid = 'uuid'::regtype) FROM unnest(i.indkey::int[]) n"
        "    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = n)"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace"
    )
    telling = {
        index
        for table, index, columns, only_ids in rows
        if table in tenant_tables and "workspace_id" not in columns and not only_ids
    }
    # Ids are random: nobody can guess one to ask about.
    assert telling == set()


def test_no_role_owns_anything_or_goes_round_the_policies(catalogue):
    rows = catalogue(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) AND (rolsuper OR rolbypassrls"
        " OR rolcreaterole OR rolcreatedb OR rolreplication OR rolinherit)",
        list(ROLES),
    )
    assert rows == []
    owned = catalogue(
        "SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE r.rolname = ANY (%s)",
        list(ROLES),
    )
    assert owned == []
    members = catalogue(
        "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
        " WHERE r.rolname = ANY (%s)",
        list(ROLES),
    )
    assert members == []
    assert (
        catalogue("SELECT rolname FROM pg_roles WHERE rolname = 'gatekeeper' AND rolcanlogin") == []
    )


def test_no_role_makes_tables_or_truncates_them(catalogue, tenant_tables):
    for role in ROLES:
        assert catalogue("SELECT has_schema_privilege(%s, 'public', 'CREATE')", role) == [(False,)]
        for table in tenant_tables | GLOBAL_TABLES:
            may = catalogue("SELECT has_table_privilege(%s, %s, 'TRUNCATE, TRIGGER')", role, table)
            assert may == [(False,)], (role, table)


def test_definer_functions_are_the_gatekeepers_with_a_fixed_path_and_granted_one_by_one(catalogue):
    rows = catalogue(
        "SELECT p.proname, r.rolname, p.proconfig, p.proacl::text FROM pg_proc p"
        " JOIN pg_roles r ON r.oid = p.proowner"
        " WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef"
    )
    assert len(rows) >= 6
    for name, owner, settings, access in rows:
        assert owner == "gatekeeper", name
        assert "search_path=public, pg_temp" in settings, name
        # An entry without a role before "=" is everybody.
        assert access is not None, name
        assert not any(entry.startswith("=") for entry in access.strip("{}").split(",")), name


def test_what_everybody_may_call_has_nobodys_rights(catalogue):
    rows = catalogue(
        "SELECT p.proname, p.prosecdef, p.prorettype = 'trigger'::regtype FROM pg_proc p"
        " WHERE p.pronamespace = 'public'::regnamespace"
        " AND has_function_privilege('public', p.oid, 'EXECUTE')"
    )
    assert not any(definer for _, definer, _ in rows)
    assert {name for name, _, is_trigger in rows if not is_trigger} == {"uuid7"}


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize("role", ["app", "worker"])
def test_without_a_workspace_no_row_is_seen(as_role, catalogue, tenant_tables, role):
    connection = as_role(role)
    readable = [
        table
        for table in sorted(tenant_tables)
        if catalogue("SELECT has_table_privilege(%s, %s, 'SELECT')", role, table) == [(True,)]
    ]
    failed = set()
    for table in readable:
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
        try:
            # The setting is looked up for the first row: an empty table does not complain.
            assert connection.execute(query).fetchall() == [], table
        except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidTextRepresentation):
            # Missing before the first transaction of a connection, empty after it.
            failed.add(table)
    assert {"creators", "workspaces", "creator_lanes"} <= failed


# Two workspaces, side by side


@pytest.fixture
def mine(tenant_factory):
    return tenant_factory()


@pytest.fixture
def theirs(tenant_factory, tenant):
    ids = tenant_factory()
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO fans (workspace_id, id, creator_id, handle) VALUES (%s, %s, %s, 'fan')",
            (ids.workspace_id, ids.user_id, ids.creator_id),
        )
        connection.execute(
            "INSERT INTO creator_lanes (workspace_id, creator_id, platform) VALUES (%s, %s, 'x')",
            (ids.workspace_id, ids.creator_id),
        )
    return ids


def test_sees_nothing_of_another_workspace(tenant, mine, theirs, tenant_tables, catalogue):
    with tenant(mine.workspace_id).transaction() as connection:
        for table in sorted(tenant_tables):
            readable = catalogue("SELECT has_table_privilege('app', %s, 'SELECT')", table)
            if readable == [(True,)]:
                column = TENANT_COLUMN.get(table, "workspace_id")
                found = connection.execute(
                    sql.SQL("SELECT count(*) FROM {} WHERE {} <> %s").format(
                        sql.Identifier(table), sql.Identifier(column)
                    ),
                    (mine.workspace_id,),
                )
                assert found.fetchone() == (0,), table
        people = connection.execute("SELECT id FROM users").fetchall()
    assert people == [(mine.user_id,)]
    assert theirs.user_id != mine.user_id


def test_changes_nothing_of_another_workspace(tenant, mine, theirs):
    with tenant(mine.workspace_id).transaction() as connection:
        for statement in (
            "UPDATE creators SET display_name = 'stolen' WHERE id = %s",
            "DELETE FROM creators WHERE id = %s",
            "DELETE FROM fans WHERE creator_id = %s",
            "UPDATE creator_lanes SET kill_switch = true WHERE creator_id = %s",
        ):
            assert connection.execute(statement, (theirs.creator_id,)).rowcount == 0
        update = "UPDATE workspaces SET name = 'stolen' WHERE id = %s"
        assert connection.execute(update, (theirs.workspace_id,)).rowcount == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO fans (workspace_id, creator_id, handle)"
        " VALUES (%(their_workspace)s, %(their_creator)s, 'x')",
        "INSERT INTO members (workspace_id, user_id, role)"
        " VALUES (%(their_workspace)s, %(my_user)s, 'owner')",
        "UPDATE creators SET workspace_id = %(their_workspace)s WHERE id = %(my_creator)s",
    ],
)
def test_writes_nothing_into_another_workspace(tenant, mine, theirs, statement):
    values = {
        "their_workspace": theirs.workspace_id,
        "their_creator": theirs.creator_id,
        "my_user": mine.user_id,
        "my_creator": mine.creator_id,
    }
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        tenant(mine.workspace_id).transaction() as connection,
    ):
        connection.execute(statement, values)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO fans (workspace_id, creator_id, handle) VALUES (%(w)s, %(creator)s, 'x')",
        "INSERT INTO fan_lists (workspace_id, creator_id, name) VALUES (%(w)s, %(creator)s, 'x')",
        "INSERT INTO creator_lanes (workspace_id, creator_id, platform)"
        " VALUES (%(w)s, %(creator)s, 'x')",
        "INSERT INTO creator_commands (workspace_id, creator_id, kind)"
        " VALUES (%(w)s, %(creator)s, 'connect')",
        "INSERT INTO fan_tags (workspace_id, creator_id, fan_id, tag)"
        " VALUES (%(w)s, %(mine)s, %(fan)s, 'x')",
        "INSERT INTO sends (workspace_id, creator_id, fan_id, priority, text, text_hash,"
        " written_by) VALUES (%(w)s, %(mine)s, %(fan)s, 0, 'x', 'x', 'person')",
    ],
)
def test_points_at_nothing_of_another_workspace(tenant, mine, theirs, statement):
    values = {
        "w": mine.workspace_id,
        "mine": mine.creator_id,
        "creator": theirs.creator_id,
        "fan": theirs.user_id,
    }
    with (
        pytest.raises((psycopg.errors.ForeignKeyViolation, psycopg.errors.UniqueViolation)),
        tenant(mine.workspace_id).transaction() as connection,
    ):
        connection.execute(statement, values)


def test_a_scope_shows_and_takes_the_named_creators_alone(tenant, mine):
    other = new_id()
    with tenant(mine.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
            " VALUES (%s, %s, 'fan_platform', 'other', 'x')",
            (mine.workspace_id, other),
        )
    with tenant(mine.workspace_id, [mine.creator_id]).transaction() as connection:
        seen = connection.execute("SELECT id FROM creators").fetchall()
        assert seen == [(mine.creator_id,)]
        update = "UPDATE creators SET display_name = 'y' WHERE id = %s"
        assert connection.execute(update, (other,)).rowcount == 0
    with tenant(mine.workspace_id, []).transaction() as connection:
        assert connection.execute("SELECT id FROM creators").fetchall() == []
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        tenant(mine.workspace_id, [mine.creator_id]).transaction() as connection,
    ):
        connection.execute(
            "INSERT INTO fans (workspace_id, creator_id, handle) VALUES (%s, %s, 'x')",
            (mine.workspace_id, other),
        )


def test_app_never_reads_password_hashes_or_the_key_of_suppressions_of_others(tenant, mine):
    for statement in ("SELECT password_hash FROM users", "SELECT * FROM users"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            tenant(mine.workspace_id).transaction() as connection,
        ):
            connection.execute(statement)


def test_a_workspace_ends_with_its_transaction(as_role, mine):
    connection = as_role("app")
    with connection.transaction():
        connection.execute(
            "SELECT set_config('app.workspace_id', %s, true),"
            " set_config('app.creator_scope', '*', true)",
            (str(mine.workspace_id),),
        )
        assert connection.execute("SELECT count(*) FROM creators").fetchone() == (1,)
    with pytest.raises(psycopg.Error):
        connection.execute("SELECT count(*) FROM creators")
