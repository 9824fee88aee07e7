"""Sessions in Postgres, seen through the one function that the role may call."""

from uuid import UUID

from psycopg.rows import class_row

from functions.authorizer.models import Caller
from huntaze.db import ConnectionSource


class PostgresSessions:
    """The sessions of all workspaces.

    Args:
        source: Lends a connection with the role ``authorizer``.
        per_principal: Requests a minute that a user may make.
        per_workspace: Requests a minute that all members of a workspace may make.
    """

    def __init__(self, source: ConnectionSource, *, per_principal: int, per_workspace: int) -> None:
        self._source = source
        self._limits = (per_principal, per_workspace)

    def find_caller(self, session_id: UUID) -> Caller | None:
        """Find who the session belongs to and count the request; None when it is over."""
        with (
            self._source.connection() as connection,
            connection.cursor(row_factory=class_row(Caller)) as cursor,
        ):
            cursor.execute(
                "SELECT * FROM authorize_request(%s, %s, %s)", (session_id, *self._limits)
            )
            return cursor.fetchone()
