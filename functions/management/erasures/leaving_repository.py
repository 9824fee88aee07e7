"""Orders of a workspace's members in Postgres."""

from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from functions.management.erasures.models import Account, Erasure
from huntaze.auth import RIGHTS, Right
from huntaze.db import Tenant
from huntaze.domain import audit, erasure, mails


class PostgresLeaving:
    """The orders of one workspace."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def transaction(self) -> AbstractContextManager[object]:
        """Open a transaction around several calls."""
        return self._tenant.transaction()

    def hold(self) -> None:
        """Let nobody else order or withdraw until the end of the transaction."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE",
                (self._tenant.workspace_id,),
            )

    def proven_at(self, session_id: UUID) -> datetime | None:
        """When the person of a session showed who they are."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT proven_at FROM sessions WHERE id = %s", (session_id,)
            ).fetchone()
        return row[0] if row else None

    def account(self) -> Account:
        """Read the workspace, and the order that stands."""
        with self._tenant.transaction() as connection:
            (name,) = connection.execute(
                "SELECT name FROM workspaces WHERE id = %s", (self._tenant.workspace_id,)
            ).fetchone() or ("",)
            with connection.cursor(row_factory=class_row(Erasure)) as reading:
                found = reading.execute(
                    "SELECT id, state, requested_by, requested_at, begins_at FROM erasures"
                    " WHERE kind = 'workspace' AND state <> 'withdrawn'"
                ).fetchone()
        return Account(workspace_id=self._tenant.workspace_id, name=name, erasure=found)

    def orders_since(self, moment: datetime) -> int:
        """Count the orders that were given, withdrawn or not."""
        with self._tenant.transaction() as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM erasures WHERE kind = 'workspace' AND requested_at > %s",
                (moment,),
            ).fetchone() or (0,)
        return int(count)

    def order(self, begins_at: datetime, *, by: UUID) -> None:
        """Order the erasure, stop everything that is sent, and tell the owners."""
        workspace_id = self._tenant.workspace_id
        with self._tenant.transaction() as connection:
            wake_up = erasure.order_workspace(connection, workspace_id, begins_at=begins_at, by=by)
            self._record("workspace.erasure_ordered", by)
            facts = {"workspace": self.account().name, "day": f"{begins_at:%Y-%m-%d}"}
            owners = [role for role, rights in RIGHTS.items() if Right.GOVERN in rights]
            told = [
                mails.add(
                    connection, mails.Template.ERASURE_SCHEDULED, user_id=row[0], parameters=facts
                )
                for row in connection.execute(
                    "SELECT user_id FROM members WHERE role = ANY (%s)", (owners,)
                ).fetchall()
            ]
        mails.send_soon(told)
        erasure.wake_soon(wake_up)

    def withdraw(self, *, by: UUID) -> bool:
        """Take back an order that has not begun; False when there is none."""
        with self._tenant.transaction() as connection:
            withdrawn = connection.execute(
                "UPDATE erasures SET state = 'withdrawn'"
                " WHERE kind = 'workspace' AND state = 'scheduled'"
            )
            if withdrawn.rowcount:
                self._record("workspace.erasure_withdrawn", by)
        return withdrawn.rowcount == 1

    def _record(self, action: str, by: UUID) -> None:
        with self._tenant.transaction() as connection:
            target = audit.Target("workspace", self._tenant.workspace_id)
            audit.record(connection, action, target, actor_id=by)
