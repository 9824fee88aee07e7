"""Money in Postgres: the check through the one function that its role may call, and repairs."""

from uuid import UUID

from psycopg.types.json import Jsonb

from functions.money.models import CheckedPage, Position, RepairOrder
from huntaze.db import ConnectionSource, Tenant
from huntaze.domain import audit, money
from huntaze.errors import NotFoundError
from huntaze.ids import new_id

_KEPT = 1000


class PostgresBooks:
    """The fans of all workspaces.

    Args:
        source: Lends a connection with the role ``auditor``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def check(self, run_id: UUID, after: Position, most: int) -> CheckedPage | None:
        """Check the next fans and write down what is off; None when there are no more."""
        with self._source.connection() as connection:
            row = connection.execute(
                "SELECT * FROM check_money(%s, %s, %s, %s)", (run_id, *after, most)
            ).fetchone()
        if row is None:
            return None
        workspace_id, fan_id, checked, drifted, cents = row
        return CheckedPage(Position(workspace_id, fan_id), checked, drifted, int(cents))


class PostgresRepairs:
    """Repairs in one workspace."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def repair(self, order: RepairOrder) -> int:
        """Compute a creator's values anew and note what changed; return of how many fans.

        Raises:
            NotFoundError: The workspace has no such creator.
        """
        with self._tenant.transaction() as connection:
            known = "SELECT FROM creators WHERE id = %s"
            if connection.execute(known, (order.creator_id,)).fetchone() is None:
                raise NotFoundError("There is no such creator in this workspace.")
            corrections = money.recompute(connection, order.creator_id)
            kept = [
                {"fan_id": str(one.fan_id), "from_cents": one.before, "to_cents": one.after}
                for one in corrections[:_KEPT]
            ]
            repair_id = new_id()
            connection.execute(
                "INSERT INTO money_repairs (id, workspace_id, creator_id, ordered_by, reason, fans,"
                " changes) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    repair_id,
                    order.workspace_id,
                    order.creator_id,
                    order.by,
                    order.reason,
                    len(corrections),
                    Jsonb(kept),
                ),
            )
            audit.record(
                connection,
                "money.repaired",
                audit.Target("creator", order.creator_id),
                actor_id=None,
                actor_kind=audit.ActorKind.OPERATOR,
                facts={"repair_id": str(repair_id), "fans": len(corrections)},
            )
        return len(corrections)
