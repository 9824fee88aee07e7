"""Exports in Postgres: what members ask for, what runs note, and the tables that are read."""

from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from functions.management.exports.models import Export, Place, WakeUp
from functions.management.exports.service import Claim, LostClaimError, StoredFile
from functions.management.exports.sources import TableSource
from functions.management.exports.tables import HIDDEN, OF_FAN, WITHHELD
from huntaze.db import Connection, Tenant, Transactions
from huntaze.domain import audit, fans, mails
from huntaze.errors import NotFoundError, TooManyRequestsError
from huntaze.ids import new_id

# Each reads everything that it exports, and is a mail.
_ORDERS_A_DAY = 50

# The bucket removes the files on its own, a day after nobody may read them any more.
_READ: LiteralString = (
    "SELECT e.id, e.fan_id, CASE WHEN e.state = 'ready' AND e.expires_at <= clock_timestamp()"
    " THEN 'removed' ELSE e.state END AS state, e.requested_at, e.finished_at, e.expires_at,"
    " count(f.number) AS files, coalesce(sum(f.lines), 0)::bigint AS lines,"
    " coalesce(sum(f.bytes), 0)::bigint AS bytes"
    " FROM exports e LEFT JOIN export_files f"
    "   ON f.workspace_id = e.workspace_id AND f.export_id = e.id"
)
_COLUMNS: LiteralString = (
    "SELECT c.relname, a.attname,"
    " (SELECT k.place FROM pg_index i,"
    "   unnest(i.indkey::int[]) WITH ORDINALITY k (number, place)"
    "   WHERE i.indrelid = c.oid AND i.indisprimary AND k.number = a.attnum) AS key_place,"
    " format_type(a.atttypid, a.atttypmod)"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
    " AND a.attnum > 0 AND NOT a.attisdropped"
    " AND has_column_privilege(c.oid, a.attnum, 'SELECT')"
    " AND (c.relname IN ('workspaces', 'users') OR EXISTS (SELECT FROM pg_attribute w"
    "   WHERE w.attrelid = c.oid AND w.attname = 'workspace_id' AND NOT w.attisdropped))"
    " ORDER BY c.relname, a.attnum"
)


class PostgresExports:
    """The exports of one workspace, as its members ask for them."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def request(self, fan_id: UUID | None) -> Export:
        """Order an export; who asks while one is being made gets that one.

        Raises:
            NotFoundError: The caller has no such fan.
            TooManyRequestsError: The workspace has asked for so many today.
        """
        with self._tenant.transaction() as connection:
            creator_id = fans.require_fan(connection, fan_id).creator_id if fan_id else None
            made = connection.execute(
                "INSERT INTO exports (workspace_id, id, creator_id, fan_id, requested_by)"
                " VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (workspace_id, fan_id) WHERE state = 'running' DO NOTHING"
                " RETURNING id",
                (self._tenant.workspace_id, new_id(), creator_id, fan_id, self._caller),
            ).fetchone()
            if made is None:
                return self._one(
                    connection, "e.state = 'running' AND e.fan_id IS NOT DISTINCT FROM %s", fan_id
                )
            _require_room(connection)
            self._record(connection, "export.requested", made[0], fan_id)
            return self._one(connection, "e.id = %s", made[0])

    def get(self, export_id: UUID) -> Export:
        """Read one export.

        Raises:
            NotFoundError: The caller has no such export.
        """
        with self._tenant.transaction() as connection:
            return self._one(connection, "e.id = %s", export_id)

    def files(self, export: Export, after: int, most: int) -> list[StoredFile]:
        """Read a page of an export's files, and record that their links were given away."""
        with self._tenant.transaction() as connection:
            self._record(connection, "export.opened", export.id, export.fan_id)
            return _files(connection, export.id, after, most)

    def _one(self, connection: Connection, condition: LiteralString, value: object) -> Export:
        with connection.cursor(row_factory=class_row(Export)) as reading:
            found = reading.execute(
                f"{_READ} WHERE {condition} GROUP BY e.workspace_id, e.id", (value,)
            ).fetchone()
        if found is None:
            raise NotFoundError("There is no such export in this workspace.")
        return found

    def _record(
        self, connection: Connection, action: str, export_id: UUID, fan_id: UUID | None
    ) -> None:
        target = audit.Target("export", export_id)
        facts = {"fan_id": fan_id and str(fan_id)}
        audit.record(connection, action, target, actor_id=self._caller, facts=facts)


class PostgresExportRuns:
    """The exports of one workspace, as runs work at them: under the workspace's own policies."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._mail: UUID | None = None

    def claim(self, export_id: UUID, lease: timedelta) -> Claim | None:
        """Take the right to work at an export, which no other run has then; None if one has."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as claiming,
        ):
            row = claiming.execute(
                "UPDATE exports SET fence = fence + 1, idle_runs = idle_runs + 1,"
                " leased_until = clock_timestamp() + %s"
                " WHERE id = %s AND state = 'running'"
                " AND (leased_until IS NULL OR leased_until < clock_timestamp())"
                " RETURNING workspace_id, id AS export_id, creator_id, fan_id, requested_by,"
                " checkpoint AS place, fence, idle_runs",
                (lease, export_id),
            ).fetchone()
        if row is None:
            return None
        place = row.pop("place")
        return Claim(**row, place=None if place is None else Place.model_validate(place))

    def sources(self, claim: Claim) -> list[TableSource]:
        """Everything in the database that the export holds, by name."""
        with self._tenant.transaction() as connection:
            rows = connection.execute(_COLUMNS).fetchall()
        tables: dict[str, dict[str, tuple[int | None, str]]] = {}
        for table, column, place, kind in rows:
            tables.setdefault(table, {})[column] = (place, kind)
        return [
            TableSource(self._tenant, table, columns, HIDDEN.get(table, {}), claim)
            for table, columns in sorted(tables.items())
            if table not in WITHHELD and (claim.fan_id is None or table in OF_FAN)
        ]

    def creators(self) -> list[UUID]:
        """The creators of the workspace."""
        with self._tenant.transaction() as connection:
            rows = connection.execute("SELECT id FROM creators ORDER BY id").fetchall()
        return [row[0] for row in rows]

    def keep(self, claim: Claim, file: StoredFile, place: Place, lease: timedelta) -> None:
        """Note a stored file, and where to go on: both or neither.

        Raises:
            LostClaimError: The export is not this run's any more; nothing is noted.
        """
        with self._tenant.transaction() as connection:
            _hold(connection, claim)
            connection.execute(
                "INSERT INTO export_files"
                " (workspace_id, export_id, number, name, lines, bytes, sha256)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (claim.workspace_id, claim.export_id, *file),
            )
            connection.execute(
                "UPDATE exports SET checkpoint = %s, idle_runs = 0,"
                " leased_until = clock_timestamp() + %s WHERE id = %s",
                (Jsonb(place.model_dump()), lease, claim.export_id),
            )

    def last_number(self, claim: Claim) -> int:
        """The number of the last file; 0 is none yet."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT max(number) FROM export_files WHERE export_id = %s", (claim.export_id,)
            ).fetchone()
        return row[0] or 0 if row else 0

    def files(self, claim: Claim) -> list[StoredFile]:
        """All files that are noted."""
        with self._tenant.transaction() as connection:
            return _files(connection, claim.export_id, 0, None)

    def finish(self, claim: Claim, *, expires_at: datetime) -> None:
        """Say that everything is there, and tell who asked, if they are still a member."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim)
            connection.execute(
                "UPDATE exports SET state = 'ready', finished_at = clock_timestamp(),"
                " expires_at = %s, leased_until = NULL WHERE id = %s",
                (expires_at, claim.export_id),
            )
            member = connection.execute(
                "SELECT FROM members WHERE user_id = %s FOR KEY SHARE", (claim.requested_by,)
            ).fetchone()
            if member is not None:
                self._mail = mails.add(
                    connection,
                    mails.Template.EXPORT_READY,
                    user_id=claim.requested_by,
                    parameters={"export_id": str(claim.export_id)},
                )
        if self._mail is not None:
            mails.send_soon([self._mail])

    def release(self, claim: Claim) -> None:
        """Give the export back, so that the next run need not wait for the lease to end."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE exports SET leased_until = clock_timestamp()"
                " WHERE id = %s AND fence = %s AND state = 'running'",
                (claim.export_id, claim.fence),
            )

    def fail(self, claim: Claim) -> None:
        """End an export that cannot go on."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE exports SET state = 'failed', finished_at = clock_timestamp(),"
                " leased_until = NULL WHERE id = %s AND fence = %s AND state = 'running'",
                (claim.export_id, claim.fence),
            )


class PostgresStalledExports:
    """The exports of all workspaces that nobody works at."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find(self, most: int) -> list[WakeUp]:
        """Find them, the oldest first."""
        with (
            self._transactions.transaction() as connection,
            connection.cursor(row_factory=class_row(WakeUp)) as reading,
        ):
            return reading.execute("SELECT * FROM exports_to_resume(%s)", (most,)).fetchall()


def _files(
    connection: Connection, export_id: UUID, after: int, most: int | None
) -> list[StoredFile]:
    with connection.cursor(row_factory=class_row(StoredFile)) as reading:
        return reading.execute(
            sql.SQL(
                "SELECT number, name, lines, bytes AS size, sha256 FROM export_files"
                " WHERE export_id = %s AND number > %s ORDER BY number LIMIT %s"
            ),
            (export_id, after, most),
        ).fetchall()


def _require_room(connection: Connection) -> None:
    (orders,) = connection.execute(
        "SELECT count(*) FROM exports WHERE requested_at > clock_timestamp() - interval '1 day'"
    ).fetchone() or (0,)
    if orders > _ORDERS_A_DAY:
        raise TooManyRequestsError(
            f"A workspace asks for {_ORDERS_A_DAY} exports a day; go on tomorrow.",
            retry_after=int(timedelta(hours=1).total_seconds()),
        )


def _hold(connection: Connection, claim: Claim) -> None:
    """Lock the export: a run that thinks this one is dead waits."""
    found = connection.execute(
        "SELECT state, fence FROM exports WHERE id = %s FOR UPDATE", (claim.export_id,)
    ).fetchone()
    if found != ("running", claim.fence):
        raise LostClaimError
