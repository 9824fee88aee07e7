"""The rows of one workspace: where they are written, and what stands in them."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from huntaze.db import Connection, Tenant

# Stands in every text of the workspace; whoever reads it has read the workspace's data.
MARK = "of-this-workspace-alone"


@dataclass(frozen=True)
class Rows:
    """Writes rows of a workspace.

    Args:
        connect: Opens a connection with a role.
        tenant: The workspace, as the role ``app``.
        user_id: The owner.
        creator_id: The creator that everything belongs to.
        mark: Stands in every text.
    """

    connect: Callable[[str], Connection]
    tenant: Tenant
    user_id: UUID
    creator_id: UUID
    mark: str = MARK

    def add(self, connection: Connection, table: str, row: dict[str, object]) -> None:
        """Write a row of the workspace."""
        row = {"workspace_id": self.tenant.workspace_id, **row}
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(map(sql.Placeholder, row)),
            ),
            row,
        )
