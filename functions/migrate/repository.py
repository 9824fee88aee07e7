"""Migrations on disk and in Postgres."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

from functions.migrate.models import Migration
from functions.migrate.service import apply_missing, refuse_changed
from huntaze.db import Connection

# Any constant that nothing else in this database locks.
_LOCK = 4_830_715_129
# DDL that waits for a long query makes every later query wait behind it.
_LOCK_TIMEOUT = "10s"


class PostgresSchema:
    """The schema of one database, changed by its owner.

    Args:
        connection: In autocommit, as the role that owns the database; no superuser is needed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def apply(self, migration: Migration) -> bool:
        """Apply ``migration`` and record it, in one transaction; False when that was done before.

        Raises:
            ChangedMigrationError: It was done before with another text.
        """
        with self._alone():
            found = self._connection.execute(
                "SELECT sha256 FROM schema_migrations WHERE name = %s", (migration.name,)
            ).fetchone()
            if found is not None:
                refuse_changed(migration, found[0])
                return False
            # Without parameters psycopg sends the text as it is, all statements at once.
            self._connection.execute(migration.text)
            self._connection.execute(
                "INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)",
                (migration.name, migration.sha256),
            )
        return True

    def recognise(self, identity: str) -> int | None:
        """Tell the database which server it is on; see the Protocol."""
        with self._alone():
            row = self._connection.execute("SELECT recognise_database(%s)", (identity,)).fetchone()
        return None if row is None else row[0]

    def set_passwords(self, passwords: Mapping[str, str]) -> None:
        """Give each role its password."""
        with self._alone():
            for role, password in sorted(passwords.items()):
                # Hashed here: a statement may be logged by the server.
                verifier = self._connection.pgconn.encrypt_password(
                    password.encode(), role.encode(), b"scram-sha-256"
                ).decode()
                self._connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(verifier)
                    )
                )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._connection.transaction():
            # Ends with the transaction, however that ends: two deployments take turns file by file.
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            self._connection.execute(
                "SELECT set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,)
            )
            # Only then: two CREATE IF NOT EXISTS at once can still collide.
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations ("
                " name text PRIMARY KEY, sha256 text NOT NULL,"
                " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
            )
            yield


def read_migrations(folder: Path) -> list[Migration]:
    """Read the migrations of ``folder``.

    Raises:
        FileNotFoundError: There are none: the function was packaged without them.
    """
    files = sorted(folder.glob("*.sql"))
    if not files:
        raise FileNotFoundError(f"There are no migrations in {folder}.")
    return [Migration(name=file.name, text=file.read_bytes()) for file in files]


def apply_migrations(connection: Connection, folder: Path) -> list[str]:
    """Apply what is missing of ``folder`` and return the names; roles get no password."""
    return apply_missing(PostgresSchema(connection), read_migrations(folder))
