"""What an export reads: tables of the workspace, and what lies beside the database."""

import json
from collections.abc import Mapping
from typing import Any

from psycopg import sql

from functions.management.exports.service import Claim, Lines
from functions.management.exports.tables import OF_FAN
from huntaze.db import Tenant

# A row as one JSON text, made by the database: nothing is held but texts.
_PAGE = sql.SQL(
    "SELECT row_to_json((SELECT shown FROM (SELECT {shown}) shown))::text, {keys}"
    " FROM {table} t WHERE {condition}{behind} ORDER BY {order} LIMIT %(most)s"
)


class TableSource:
    """A table, page by page in the order of its key, as the policies of the workspace show it.

    Args:
        tenant: The workspace.
        name: The table.
        columns: Those that may be read; their place in the key, if any, and their type.
        hidden: Those that are not shown.
        claim: Names the fan, if it is for one alone.
    """

    def __init__(
        self,
        tenant: Tenant,
        name: str,
        columns: Mapping[str, tuple[int | None, str]],
        hidden: Mapping[str, str],
        claim: Claim,
    ) -> None:
        self.name = name
        self.shown = [column for column in columns if column not in hidden]
        self._tenant = tenant
        self._claim = claim
        keyed = sorted((place, column) for column, (place, _) in columns.items() if place)
        # The workspace is the same in all rows; only an index that begins with it is asked.
        self._key = [column for _, column in keyed if column != "workspace_id"] or ["workspace_id"]
        self._types = [columns[column][1] for column in self._key]
        self._tenant_column = {"workspaces": "id", "users": None}.get(name, "workspace_id")

    def read(self, after: list[str] | None, most: int) -> Lines:
        """Read the lines behind a key."""
        values: dict[str, Any] = {
            "most": most,
            "workspace": self._tenant.workspace_id,
            "fan": self._claim.fan_id,
            "creator": self._claim.creator_id,
            **{f"after{number}": value for number, value in enumerate(after or [])},
        }
        with self._tenant.transaction() as connection:
            rows = connection.execute(self._statement(behind=after is not None), values).fetchall()
        more = len(rows) == most
        last = list(rows[-1][1:]) if rows else after
        return Lines([row[0] for row in rows], last, more)

    def _statement(self, *, behind: bool) -> sql.Composed:
        keys = [sql.SQL("t.{}").format(sql.Identifier(column)) for column in self._key]
        conditions: list[sql.Composable] = [sql.SQL("true")]
        if self._tenant_column:
            conditions.append(
                sql.SQL("t.{} = %(workspace)s").format(sql.Identifier(self._tenant_column))
            )
        if self._claim.fan_id is not None:
            conditions.append(sql.SQL(OF_FAN[self.name]))
        values = [
            sql.SQL("{}::{}").format(sql.Placeholder(f"after{number}"), sql.SQL(kind))
            for number, kind in enumerate(self._types)
        ]
        return _PAGE.format(
            shown=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c in self.shown),
            keys=sql.SQL(", ").join(sql.SQL("{}::text").format(key) for key in keys),
            table=sql.Identifier(self.name),
            condition=sql.SQL(" AND ").join(conditions),
            behind=sql.SQL(" AND ({}) > ({})").format(
                sql.SQL(", ").join(keys), sql.SQL(", ").join(values)
            )
            if behind
            else sql.SQL(""),
            order=sql.SQL(", ").join(keys),
        )


class ListSource:
    """A list that is short enough to be read at once."""

    def __init__(self, name: str, items: list[dict[str, Any]]) -> None:
        self.name = name
        self._items = items

    def read(self, after: list[str] | None, most: int) -> Lines:
        """Read the items behind a place."""
        start = int(after[0]) if after else 0
        part = self._items[start : start + most]
        end = start + len(part)
        return Lines([json.dumps(item) for item in part], [str(end)], end < len(self._items))
