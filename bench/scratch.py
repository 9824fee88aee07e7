"""A migrated Postgres for one measurement, with one workspace and one creator; gone afterwards."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo

from functions.migrate.repository import PostgresSchema, read_migrations
from functions.migrate.service import LOGIN_ROLES, bring_up_to_date
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.ids import new_id
from local.postgres import MASTER_ROLE, EmbeddedPostgres
from local.processes import free_port

_ROOT = Path(__file__).resolve().parents[1]


class Scratch(NamedTuple):
    """Where the database is and whose rows to measure with.

    Attributes:
        app: Address for the role ``app``, under row level security as in Lambda.
        superuser: Address of one who may seed, empty and vacuum tables.
        folder: For files of the measurement.
    """

    app: str
    superuser: str
    folder: Path
    workspace_id: UUID
    user_id: UUID
    creator_id: UUID

    def source(self) -> SingleConnection:
        """Lend a connection as a function has it."""
        return SingleConnection(lambda: self.connect(self.app))

    def tenant(self) -> Tenant:
        """Make the workspace's transactions on a connection of their own."""
        return Tenant(self.source(), self.workspace_id)

    def connect(self, address: str) -> Connection:
        """Open a connection as ``huntaze.db`` does."""
        return psycopg.connect(address, autocommit=True, prepare_threshold=None)


@contextmanager
def scratch_database() -> Iterator[Scratch]:
    """Start a Postgres, migrate it and make a workspace; end it with the block."""
    folder = Path(tempfile.mkdtemp(prefix="huntaze-bench-"))
    # Whom Postgres runs as must reach its folder.
    folder.chmod(0o755)
    server = EmbeddedPostgres(
        folder / "postgres", free_port(), durable=False, dies_with_parent=True
    )
    try:
        server.start()
        yield _migrated(server, folder)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _migrated(server: EmbeddedPostgres, folder: Path) -> Scratch:
    password = secrets.token_hex(16)
    server.set_password(MASTER_ROLE, password)
    address = server.dsn(password)
    passwords = {role: secrets.token_hex(16) for role in LOGIN_ROLES}
    with psycopg.connect(address, autocommit=True) as connection:
        schema = PostgresSchema(connection)
        bring_up_to_date(schema, read_migrations(_ROOT / "migrations"), passwords)
    scratch = Scratch(
        make_conninfo(address, user="app", password=passwords["app"]),
        server.superuser_dsn(),
        folder,
        *(new_id() for _ in range(3)),
    )
    with scratch.connect(scratch.superuser) as connection:
        values = scratch._asdict()
        connection.execute(
            "INSERT INTO workspaces (id, name, plan, plan_until)"
            " VALUES (%(workspace_id)s, 'Bench', 'agency', NULL)",
            values,
        )
        connection.execute(
            "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
            " VALUES (%(workspace_id)s, %(creator_id)s, 'fan_platform', 'bench', 'Bench')",
            values,
        )
    return scratch


class Names(NamedTuple):
    """How fans are called: SQL over a fan's number ``n``, and what parameters it refers to."""

    handle: LiteralString = "substr(md5(n::text || %(seed)s), 1, 8)"
    display_name: LiteralString = "'Fan ' || n"
    email: LiteralString = "NULL"
    parameters: Mapping[str, object] = {}


def seed_fans(scratch: Scratch, count: int, seed: int, names: Names = Names()) -> None:  # noqa: B008
    """Fill the tables with fans, transactions and tags that one seed makes alike every time."""
    values = {**scratch._asdict(), "count": count, "seed": seed, **names.parameters}
    with scratch.connect(scratch.superuser) as connection:
        connection.execute("SELECT setseed(%s)", (seed % 1000 / 1000,))
        connection.execute(
            "INSERT INTO fans (workspace_id, creator_id, platform_id, platform_key, handle,"
            " display_name, email, status, language, price_cents, rebill_on, expires_at,"
            " last_seen_at, created_at, bucket)"
            " SELECT %(workspace_id)s, %(creator_id)s, 'p' || n, decode(md5(n::text), 'hex'),"
            f" {names.handle}, {names.display_name}, {names.email},"
            " (ARRAY['active', 'active', 'expired', 'follower'])[1 + floor(random() * 4)],"
            " (ARRAY['en', 'en', 'de', 'fr', NULL])[1 + floor(random() * 5)], 999, n %% 2 = 0,"
            " now() + (random() * 60 - 30) * interval '1 day',"
            " now() - random() * interval '90 days', now() - n * interval '20 seconds',"
            " floor(random() * 10000)"
            " FROM generate_series(1, %(count)s::int) AS n",
            values,
        )
        connection.execute(
            "INSERT INTO transactions (workspace_id, creator_id, fan_id, transaction_id, type,"
            " amount_cents, fee_cents, net_cents, effective_cents, currency, created_at)"
            " SELECT workspace_id, creator_id, id, 't' || platform_id || '-' || k,"
            " (ARRAY['tip', 'message', 'subscription'])[k], 1000, 200, 800, 800, 'USD',"
            " now() - random() * interval '120 days'"
            " FROM fans, generate_series(1, 3) AS k WHERE bucket % 4 < k"
        )
        connection.execute(
            "INSERT INTO fan_tags (workspace_id, fan_id, creator_id, tag)"
            " SELECT workspace_id, id, creator_id, 'vip' FROM fans WHERE bucket < 500"
        )
        connection.execute(
            "UPDATE fans f SET value_cents = t.cents FROM"
            " (SELECT fan_id, sum(effective_cents) AS cents FROM transactions GROUP BY fan_id) t"
            " WHERE f.id = t.fan_id"
        )
        connection.execute("VACUUM (ANALYZE, FULL)")
        connection.execute("VACUUM ANALYZE")
