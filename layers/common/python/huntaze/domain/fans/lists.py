"""Named lists of fans, kept by hand."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from huntaze.db import Connection
from huntaze.domain.fans.models import Name
from huntaze.errors import BadRequestError, ConflictError, InvalidInputError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor
from huntaze.ids import new_id

MAX_MEMBERS_AT_ONCE = 10_000

type FanIds = Annotated[list[UUID], Field(min_length=1, max_length=MAX_MEMBERS_AT_ONCE)]


class FanListExistsError(ConflictError):
    """The creator has a list of that name."""


class FanListInUseError(ConflictError):
    """Rules ask who is on the list."""


class FanList(BaseModel):
    """A list and how many fans are on it."""

    id: UUID
    creator_id: UUID
    name: str
    fans: int
    created_at: datetime


_LISTS = """
  SELECT l.id, l.creator_id, l.name, l.created_at,
         (SELECT count(*) FROM fan_list_members m WHERE m.list_id = l.id) AS fans
    FROM fan_lists l
"""
# An automation asks as long as new runs take the version, or one that took it still waits.
_ASKED_BY = """
  SELECT 'the segment ' || g.name FROM segments g
   WHERE g.creator_id = %(creator)s AND jsonb_path_exists(g.rules, %(path)s::jsonpath, %(wanted)s)
  UNION
  SELECT 'the automation ' || a.name FROM automations a
    JOIN automation_versions v
      ON v.workspace_id = a.workspace_id AND v.automation_id = a.id
   WHERE a.creator_id = %(creator)s AND a.deleted_at IS NULL
     AND jsonb_path_exists(v.definition, %(path)s::jsonpath, %(wanted)s)
     AND (v.version = a.version OR EXISTS (
       SELECT FROM automation_runs r
        WHERE r.workspace_id = a.workspace_id AND r.automation_id = a.id
          AND r.version = v.version AND r.status = 'waiting'))
   ORDER BY 1 LIMIT 5
"""
_ASKS = '$.** ? (@.kind == "lists").lists[*] ? (@ == $id)'


def read_lists(
    connection: Connection, creator_id: UUID, *, limit: int, cursor: str | None = None
) -> Page[FanList]:
    """Read a page of a creator's lists, by name.

    Raises:
        BadRequestError: The cursor belongs to no such list.
    """
    after = None if cursor is None else _name_in(cursor)
    with connection.cursor(row_factory=class_row(FanList)) as reading:
        found = reading.execute(
            _LISTS + " WHERE l.creator_id = %(creator)s"
            " AND (%(after)s::text IS NULL OR l.name > %(after)s)"
            " ORDER BY l.name LIMIT %(rows)s",
            {"creator": creator_id, "after": after, "rows": limit + 1},
        ).fetchall()
    if len(found) <= limit:
        return Page(items=found)
    return Page(items=found[:limit], next_cursor=encode_cursor("name", found[limit - 1].name))


def _name_in(cursor: str) -> str:
    column, name = decode_cursor(cursor, 2)
    if column != "name":
        raise BadRequestError("The cursor is of another list; leave it out to start over.")
    return name


def require_list(connection: Connection, list_id: UUID) -> FanList:
    """Read one list.

    Raises:
        NotFoundError: The caller has no such list.
    """
    with connection.cursor(row_factory=class_row(FanList)) as reading:
        found = reading.execute(_LISTS + " WHERE l.id = %s", (list_id,)).fetchone()
    if found is None:
        raise NotFoundError("There is no such list in this workspace.")
    return found


def create_list(connection: Connection, creator_id: UUID, name: Name) -> FanList:
    """Make an empty list.

    Raises:
        FanListExistsError: The creator has one of that name.
    """
    list_id = new_id()
    made = connection.execute(
        "INSERT INTO fan_lists (workspace_id, id, creator_id, name)"
        " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s)"
        " ON CONFLICT (workspace_id, creator_id, name) DO NOTHING",
        (list_id, creator_id, name),
    )
    if made.rowcount == 0:
        raise FanListExistsError(f"This creator has a list called {name}.")
    return require_list(connection, list_id)


def require_lists(connection: Connection, creator_id: UUID, list_ids: Collection[UUID]) -> None:
    """Refuse rules that ask for lists which the creator has not, and hold those that it has.

    Nobody is on a list that is not there, so "not on it" would be everybody.

    Raises:
        InvalidInputError: Some are not there, or another creator's.
    """
    found = connection.execute(
        "SELECT id FROM fan_lists WHERE creator_id = %s AND id = ANY (%s) FOR KEY SHARE",
        (creator_id, list(list_ids)),
    ).fetchall()
    if missing := set(list_ids) - {row[0] for row in found}:
        named = ", ".join(sorted(map(str, missing)))
        raise InvalidInputError(
            f"The creator has no such list: {named}.", fields={"lists": "unknown"}
        )


def delete_list(connection: Connection, list_id: UUID) -> None:
    """Delete a list; its fans stay.

    Raises:
        NotFoundError: The caller has no such list.
        FanListInUseError: Rules of a segment or an automation ask who is on it.
    """
    creator_id = require_list(connection, list_id).creator_id
    # Held before it is asked: rules that are being written hold it too.
    connection.execute("SELECT FROM fan_lists WHERE id = %s FOR UPDATE", (list_id,))
    wanted = Jsonb({"id": str(list_id)})
    asked_by = connection.execute(
        _ASKED_BY, {"creator": creator_id, "path": _ASKS, "wanted": wanted}
    ).fetchall()
    if asked_by:
        named = ", ".join(row[0] for row in asked_by)
        raise FanListInUseError(
            f"Rules ask who is on this list: {named}. Change them first; nobody would be on it."
        )
    connection.execute("DELETE FROM fan_lists WHERE id = %s", (list_id,))


def add_to_list(connection: Connection, list_id: UUID, fan_ids: FanIds) -> FanList:
    """Put fans on a list; who is on it already stays.

    Raises:
        NotFoundError: The caller has no such list, or not all of the fans with that creator.
    """
    found = require_list(connection, list_id)
    wanted = list(set(fan_ids))
    known = connection.execute(
        "SELECT count(*) FROM fans WHERE creator_id = %s AND id = ANY (%s) AND erased_at IS NULL",
        (found.creator_id, wanted),
    ).fetchone()
    if known is None or known[0] != len(wanted):
        raise NotFoundError("Some of these fans are not fans of the list's creator.")
    connection.execute(
        "INSERT INTO fan_list_members (workspace_id, list_id, fan_id, creator_id)"
        " SELECT current_setting('app.workspace_id')::uuid, %s, unnest(%s::uuid[]), %s"
        " ON CONFLICT (workspace_id, list_id, fan_id) DO NOTHING",
        (list_id, wanted, found.creator_id),
    )
    return require_list(connection, list_id)


def remove_from_list(connection: Connection, list_id: UUID, fan_ids: FanIds) -> FanList:
    """Take fans off a list; who is not on it is passed over.

    Raises:
        NotFoundError: The caller has no such list.
    """
    require_list(connection, list_id)
    connection.execute(
        "DELETE FROM fan_list_members WHERE list_id = %s AND fan_id = ANY (%s)",
        (list_id, list(fan_ids)),
    )
    return require_list(connection, list_id)
