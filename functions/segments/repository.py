"""Segments in Postgres."""

from datetime import datetime
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.segments.models import Preview, PreviewRequest, Segment, SegmentDraft
from huntaze.db import Connection, Tenant
from huntaze.domain import audit
from huntaze.domain.audience import SegmentRules, compile_rules, make_room_for_sums
from huntaze.domain.creators import resolve_creator
from huntaze.domain.fans import Fan, read_fans
from huntaze.domain.fans.lists import require_lists
from huntaze.errors import BadRequestError, ConflictError, InvalidInputError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor
from huntaze.ids import new_id

_SAMPLE = 10
_SELECT = sql.SQL(
    "SELECT id, creator_id, name, rules, created_at, updated_at FROM segments WHERE {}"
)

_IN_USE = "Campaigns name this segment; they would no longer tell whom they meant."


class SegmentExistsError(ConflictError):
    """The creator has a segment of that name."""


class SegmentInUseError(ConflictError):
    """A campaign was planned from the segment."""


class PostgresSegments:
    """The segments of one workspace, as far as the caller may see them."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def page(self, creator_id: UUID | None, *, limit: int, cursor: str | None) -> Page[Segment]:
        """Read a page of a creator's segments, newest first."""
        condition = sql.SQL("creator_id = %(creator)s")
        values: dict[str, object] = {"rows": limit + 1}
        if cursor is not None:
            condition = sql.SQL(
                "creator_id = %(creator)s AND (created_at, id) < (%(after)s, %(last)s)"
            )
            values["after"], values["last"] = _position(cursor)
        statement = _SELECT.format(condition) + sql.SQL(
            " ORDER BY created_at DESC, id DESC LIMIT %(rows)s"
        )
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Segment)) as reading,
        ):
            values["creator"] = resolve_creator(connection, creator_id)
            items = reading.execute(statement, values).fetchall()
        if len(items) <= limit:
            return Page(items=items)
        end = items[limit - 1]
        return Page(
            items=items[:limit], next_cursor=encode_cursor(end.created_at.isoformat(), end.id)
        )

    def get(self, segment_id: UUID) -> Segment:
        """Read one segment.

        Raises:
            NotFoundError: The caller has no such segment.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Segment)) as reading,
        ):
            found = reading.execute(_SELECT.format(sql.SQL("id = %s")), (segment_id,)).fetchone()
        if found is None:
            raise NotFoundError("There is no such segment in this workspace.")
        return found

    def add(self, draft: SegmentDraft) -> Segment:
        """Store a segment.

        Raises:
            SegmentExistsError: The creator has one of that name.
            InvalidInputError: The rules ask for a list that the creator has not.
        """
        segment_id = new_id()
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, draft.creator_id)
            require_lists(connection, creator_id, draft.rules.lists)
            made = connection.execute(
                "INSERT INTO segments (workspace_id, id, creator_id, name, rules)"
                " VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (workspace_id, creator_id, name) DO NOTHING",
                (
                    self._tenant.workspace_id,
                    segment_id,
                    creator_id,
                    draft.name,
                    _stored(draft.rules),
                ),
            )
            if made.rowcount == 0:
                raise SegmentExistsError(f"This creator has a segment called {draft.name}.")
            self._record(connection, "segment.created", segment_id)
            return self.get(segment_id)

    def replace(self, segment_id: UUID, draft: SegmentDraft) -> Segment:
        """Give a segment another name and other rules.

        Raises:
            NotFoundError: The caller has no such segment.
            InvalidInputError: ``draft`` names another creator, or a list that this one has not.
            SegmentExistsError: The creator has another segment of that name.
        """
        with self._tenant.transaction() as connection:
            creator_id = self.get(segment_id).creator_id
            if draft.creator_id not in (None, creator_id):
                problem = "a segment stays with its creator"
                raise InvalidInputError(f"{problem}.".capitalize(), fields={"creator_id": problem})
            require_lists(connection, creator_id, draft.rules.lists)
            try:
                with connection.transaction():
                    connection.execute(
                        "UPDATE segments SET name = %s, rules = %s, updated_at = clock_timestamp()"
                        " WHERE id = %s",
                        (draft.name, _stored(draft.rules), segment_id),
                    )
            except psycopg.errors.UniqueViolation:
                raise SegmentExistsError(
                    f"This creator has a segment called {draft.name}."
                ) from None
            self._record(connection, "segment.changed", segment_id)
            return self.get(segment_id)

    def delete(self, segment_id: UUID) -> None:
        """Delete a segment.

        Raises:
            NotFoundError: The caller has no such segment.
            SegmentInUseError: A campaign names it.
        """
        with self._tenant.transaction() as connection:
            self.get(segment_id)
            self._require_no_variant(connection, segment_id)
            try:
                with connection.transaction():
                    connection.execute("DELETE FROM segments WHERE id = %s", (segment_id,))
            except psycopg.errors.ForeignKeyViolation:
                raise SegmentInUseError(_IN_USE) from None
            self._record(connection, "segment.deleted", segment_id)

    def _record(self, connection: Connection, action: str, segment_id: UUID) -> None:
        audit.record(connection, action, audit.Target("segment", segment_id), actor_id=self._caller)

    def _require_no_variant(self, connection: Connection, segment_id: UUID) -> None:
        """Refuse to delete what a text of a campaign is for: no key of the database says so."""
        found = connection.execute(
            "SELECT FROM campaigns WHERE workspace_id = %s AND variants @> %s LIMIT 1",
            (self._tenant.workspace_id, Jsonb([{"segment_id": str(segment_id)}])),
        )
        if found.fetchone() is not None:
            raise SegmentInUseError(_IN_USE)

    def preview(self, request: PreviewRequest) -> Preview:
        """Count whom the rules mean now, and read the newest of them."""
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, request.creator_id)
            condition: sql.Composable
            condition, values = _condition(creator_id, request.rules)
            if request.rules.sums_money:
                make_room_for_sums(connection)
                count, newest = _count_and_newest(connection, condition, values)
                condition, values = sql.SQL("f.id = ANY (%(newest)s)"), {"newest": newest}
            else:
                # Often from an index alone.
                count = _count(connection, condition, values)
            # Nobody found: looking for the newest of them would read all fans once more.
            sample = read_fans(connection, condition, values, limit=_SAMPLE).items if count else []
            return Preview.model_construct(count=count, sample=sample)

    def fans(self, segment_id: UUID, *, limit: int, cursor: str | None) -> Page[Fan]:
        """Read a page of the fans that a segment means now, newest first."""
        with self._tenant.transaction() as connection:
            segment = self.get(segment_id)
            condition, values = _condition(segment.creator_id, segment.rules)
            if segment.rules.sums_money:
                make_room_for_sums(connection)
            return read_fans(
                connection,
                condition,
                values,
                limit=limit,
                cursor=cursor,
                find_all=segment.rules.sums_money,
            )


def _condition(creator_id: UUID, rules: SegmentRules) -> tuple[sql.Composed, dict[str, object]]:
    meant, values = compile_rules(rules)
    condition = sql.SQL("f.creator_id = %(creator)s AND {}").format(meant)
    return condition, {**values, "creator": creator_id}


def _count(connection: Connection, condition: sql.Composable, values: dict[str, object]) -> int:
    statement = sql.SQL("SELECT count(*) FROM fans f WHERE {}").format(condition)
    ((count,),) = connection.execute(statement, values).fetchall()
    return int(count)


def _count_and_newest(
    connection: Connection, condition: sql.Composable, values: dict[str, object]
) -> tuple[int, list[UUID]]:
    """Count and find the newest in one pass over the fans."""
    statement = sql.SQL(
        "WITH meant AS MATERIALIZED (SELECT f.id, f.created_at FROM fans f WHERE {})"
        " SELECT (SELECT count(*) FROM meant),"
        " ARRAY(SELECT id FROM meant ORDER BY created_at DESC, id DESC LIMIT %(sample)s)"
    ).format(condition)
    ((count, newest),) = connection.execute(statement, {**values, "sample": _SAMPLE}).fetchall()
    return int(count), list(newest)


def _stored(rules: SegmentRules) -> Jsonb:
    return Jsonb(rules.model_dump(mode="json", by_alias=True))


def _position(cursor: str) -> tuple[datetime, UUID]:
    at, last = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(at), UUID(last)
    except ValueError:
        raise BadRequestError(
            "The cursor is of another list; leave it out to start over."
        ) from None
