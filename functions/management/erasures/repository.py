"""Erasures in Postgres, for the role ``eraser``: what it may delete is what is not kept."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from functions.management.erasures.service import Claim, LostClaimError, Step
from huntaze.db import Connection, Tenant, Transactions
from huntaze.domain import audit
from huntaze.domain.erasure import WakeUp
from huntaze.domain.outbound import forgetting

# Short enough that nobody waits long for a lock of it.
_BATCH = 5000
_RENEWED = timedelta(minutes=3)
# A workspace that is gone keeps its number and what the law wants kept; this stands for its name.
ERASED_NAME = "erased"

_CLAIM = """
  UPDATE erasures SET fence = fence + 1, leased_until = clock_timestamp() + %(lease)s
   WHERE id = %(id)s AND state IN ('scheduled', 'erasing')
     AND (leased_until IS NULL OR leased_until < clock_timestamp())
  RETURNING workspace_id, id AS erasure_id, kind, creator_id, fan_id, requested_at,
            state = 'scheduled' AND begins_at > clock_timestamp() AS is_pending, steps,
            billing_ended_at IS NOT NULL
            OR NOT EXISTS (SELECT FROM billing_accounts) AS payments_ended, fence
"""
_TABLES = """
  SELECT c.oid::int8, c.relname FROM pg_class c
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
     AND has_table_privilege(c.oid, 'DELETE')
     AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                  AND a.attname = 'workspace_id' AND NOT a.attisdropped)
   ORDER BY c.relname
"""
_KEYS = """
  SELECT k.conrelid::int8, k.confrelid::int8 FROM pg_constraint k
   WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND k.conrelid <> k.confrelid
"""


class PostgresErasures:
    """The erasures of one workspace."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def claim(self, erasure_id: UUID, lease: timedelta) -> Claim | None:
        """Take the right to work at an erasure, which no other run has then; None if one has."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as claiming,
        ):
            row = claiming.execute(_CLAIM, {"id": erasure_id, "lease": lease}).fetchone()
        if row is None:
            return None
        steps = {step: datetime.fromisoformat(at) for step, at in row.pop("steps").items()}
        return Claim(**row, steps=steps)

    def hold(self, claim: Claim, lease: timedelta) -> None:
        """Renew the lease.

        Raises:
            LostClaimError: The erasure is not this run's any more.
        """
        with self._tenant.transaction() as connection:
            _hold(connection, claim, lease)

    def mark(self, claim: Claim, step: Step) -> None:
        """Write down that a step is done."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim, _RENEWED)
            _mark(connection, claim, step)

    def release(self, claim: Claim, pause: timedelta) -> None:
        """Give the erasure back, for the next run to take after a pause."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE erasures SET leased_until = clock_timestamp() + %s"
                " WHERE id = %s AND fence = %s",
                (pause, claim.erasure_id, claim.fence),
            )

    def creators(self) -> list[UUID]:
        """The creators of the workspace."""
        with self._tenant.transaction() as connection:
            return [row[0] for row in connection.execute("SELECT id FROM creators").fetchall()]

    def begin(self, claim: Claim) -> None:
        """Pass the point of no return, and let nobody in any more.

        Raises:
            LostClaimError: The order was withdrawn.
        """
        with self._tenant.transaction() as connection:
            _hold(connection, claim, _RENEWED)
            connection.execute(
                "UPDATE erasures SET state = 'erasing' WHERE id = %s", (claim.erasure_id,)
            )
            connection.execute(
                "UPDATE sessions SET revoked_at = clock_timestamp() WHERE revoked_at IS NULL"
            )

    def executions(self) -> list[str]:
        """What runs in state machines: campaigns, and what models prepare."""
        with self._tenant.transaction() as connection:
            rows = connection.execute(
                "SELECT execution_arn FROM campaigns WHERE execution_arn IS NOT NULL"
                " AND status NOT IN ('completed', 'cancelled', 'failed')"
                " UNION ALL SELECT execution_arn FROM workflows"
                " WHERE execution_arn IS NOT NULL AND status = 'running'"
                " UNION ALL SELECT execution_arn FROM ai_plan"
                " WHERE execution_arn IS NOT NULL AND status = 'running'"
            ).fetchall()
        return [row[0] for row in rows]

    def forget_people(self, claim: Claim) -> None:
        """Take everybody out, and forget who is in no other workspace."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim, _RENEWED)
            connection.execute("SELECT forget_members(%s)", (claim.workspace_id,))

    def delete_rows(self, claim: Claim) -> Iterator[int]:
        """Delete everything that may be deleted, what points at others first, batch by batch."""
        with self._tenant.transaction() as connection:
            tables = _in_order(connection)
        for table in tables:
            deleted = _BATCH
            while deleted == _BATCH:
                deleted = self._delete_batch(claim, table)
                yield deleted

    def close(self, claim: Claim) -> None:
        """Blank what is left of the workspace, and say that it is gone."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim, _RENEWED)
            connection.execute(
                # Without its key the suppressions of backups are nobody's.
                "UPDATE workspaces SET name = %s, erased_at = clock_timestamp(), suppression_key ="
                " decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),"
                " 'hex') WHERE id = %s",
                (ERASED_NAME, claim.workspace_id),
            )
            connection.execute("UPDATE invoices SET hosted_invoice_url = NULL, invoice_pdf = NULL")
            _record(connection, "workspace.erased", audit.Target("workspace", claim.workspace_id))
            _finish(connection, claim)

    def blank_texts(self, claim: Claim) -> bool:
        """Blank what the ledger says to a fan; False while a message is being submitted."""
        creator_id, fan_id = _fan(claim)
        with self._tenant.transaction() as connection:
            return forgetting.blank(connection, creator_id, fan_id)

    def files_of_fan(self, claim: Claim, stored: list[UUID]) -> list[UUID] | None:
        """Which files of imports may hold the fan; None while one of them is being read.

        Args:
            claim: Names the fan and the creator.
            stored: The imports and uploads of which there are files.
        """
        values = {"creator": claim.creator_id, "ids": stored, "at": claim.requested_at}
        with self._tenant.transaction() as connection:
            running = connection.execute(
                "SELECT EXISTS (SELECT FROM imports WHERE creator_id = %(creator)s"
                " AND status = 'running' AND created_at <= %(at)s)",
                values,
            ).fetchone()
            rows = connection.execute(
                "SELECT id FROM imports WHERE creator_id = %(creator)s AND id = ANY (%(ids)s)"
                " AND status <> 'running'"
                " UNION SELECT u.id FROM import_uploads u WHERE u.creator_id = %(creator)s"
                "  AND u.id = ANY (%(ids)s) AND NOT EXISTS (SELECT FROM imports i"
                "   WHERE i.upload_id = u.id AND i.status = 'running')",
                values,
            ).fetchall()
        return None if running == (True,) else [row[0] for row in rows]

    def exports_with_fan(self, claim: Claim) -> list[UUID] | None:
        """Which exports may hold the fan; None while one of them is being made."""
        with self._tenant.transaction() as connection:
            rows = connection.execute(
                "SELECT id, state = 'running' FROM exports WHERE requested_at <= %s"
                " AND (fan_id IS NULL OR fan_id = %s) AND state <> 'removed'",
                (claim.requested_at, claim.fan_id),
            ).fetchall()
        return None if any(running for _, running in rows) else [row[0] for row in rows]

    def remove_exports(self, claim: Claim, exports: list[UUID]) -> None:
        """Say that the files of exports are gone."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim, _RENEWED)
            connection.execute(
                "UPDATE exports SET state = 'removed' WHERE id = ANY (%s)", (exports,)
            )

    def finish(self, claim: Claim) -> None:
        """Say that nothing of a fan is left."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim, _RENEWED)
            _record(connection, "fan.erasure_finished", audit.Target("fan", claim.fan_id))
            _finish(connection, claim)

    def _delete_batch(self, claim: Claim, table: str) -> int:
        statement = sql.SQL(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table}"
            " WHERE workspace_id = %s LIMIT %s))"
        ).format(table=sql.Identifier(table))
        with self._tenant.transaction() as connection:
            _hold(connection, claim, _RENEWED)
            return connection.execute(statement, (claim.workspace_id, _BATCH)).rowcount


class PostgresWaitingErasures:
    """The erasures of all workspaces that wait for a run."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find(self, most: int) -> list[WakeUp]:
        """Find them, those that nobody has looked at first."""
        with (
            self._transactions.transaction() as connection,
            connection.cursor(row_factory=class_row(WakeUp)) as reading,
        ):
            return reading.execute("SELECT * FROM erasures_to_resume(%s)", (most,)).fetchall()


def _in_order(connection: Connection) -> list[str]:
    """What may be deleted, in an order in which no key is in the way."""
    names: dict[int, str] = dict(connection.execute(_TABLES).fetchall())
    points_at: dict[int, set[int]] = {table: set() for table in names}
    for source, target in connection.execute(_KEYS).fetchall():
        if source in names and target in names:
            points_at[source].add(target)
    ordered: list[str] = []
    while points_at:
        free = [t for t in points_at if not any(t in targets for targets in points_at.values())]
        if not free:
            raise LookupError("tables point at each other in a circle")
        for table in free:
            ordered.append(names[table])
            del points_at[table]
    return ordered


def _fan(claim: Claim) -> tuple[UUID, UUID]:
    if claim.creator_id is None or claim.fan_id is None:
        raise LookupError("the erasure is of no fan")
    return claim.creator_id, claim.fan_id


def _hold(connection: Connection, claim: Claim, lease: timedelta) -> None:
    held = connection.execute(
        "UPDATE erasures SET leased_until = clock_timestamp() + %s"
        " WHERE id = %s AND fence = %s AND state IN ('scheduled', 'erasing')",
        (lease, claim.erasure_id, claim.fence),
    )
    if held.rowcount != 1:
        raise LostClaimError


def _mark(connection: Connection, claim: Claim, step: Step) -> None:
    connection.execute(
        "UPDATE erasures SET steps = steps || jsonb_build_object(%s::text, clock_timestamp())"
        " WHERE id = %s AND NOT steps ? %s",
        (step.value, claim.erasure_id, step.value),
    )


def _finish(connection: Connection, claim: Claim) -> None:
    connection.execute(
        "UPDATE erasures SET state = 'done', finished_at = clock_timestamp(), leased_until = NULL"
        " WHERE id = %s",
        (claim.erasure_id,),
    )


def _record(connection: Connection, action: str, target: audit.Target) -> None:
    kind = audit.ActorKind.WORKFLOW
    audit.record(connection, action, target, actor_id=None, actor_kind=kind)
