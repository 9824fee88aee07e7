"""Search of fans: who is named exactly so, whose name begins so, and whom a typo or two hide.

The parts of the answer are in this order and are pages one after the other, so that what costs more
is looked for only where the list gets there. Exact names and beginnings are sorted as the list is;
whoever was mistyped comes by the name that was found, which needs no sorting of what may be many.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from huntaze.db import Connection
from huntaze.domain.fans.models import Fan
from huntaze.domain.fans.reading import NEWEST, FanOrder, read_fans
from huntaze.domain.fans.trees import KeyTree
from huntaze.domain.fans.typos import LAST_CHARACTER, Span, allowed_typos, find_near
from huntaze.errors import BadRequestError
from huntaze.http import Page, decode_cursor, encode_cursor

_EXACT = sql.SQL(
    "(f.handle_key = %(handle)s OR f.name_key = %(name)s OR f.last_name_key = %(name)s"
    " OR f.email_key = %(email)s)"
)
# As ranges of stored keys, which row level security lets an index answer.
_BEGINS = sql.SQL(
    "(f.handle_key >= %(handle)s AND f.handle_key < %(handle_end)s"
    " OR f.name_key >= %(name)s AND f.name_key < %(name_end)s"
    " OR f.last_name_key >= %(name)s AND f.last_name_key < %(name_end)s)"
)
# IS NOT TRUE: a fan without a name is not known to begin otherwise.
_ELSE = sql.SQL("{} AND {} IS NOT TRUE")

_IN_SPANS = sql.SQL(
    "EXISTS (SELECT FROM unnest({lows}::text[], {highs}::text[]) AS span (low, high)"
    " WHERE f.{key} >= span.low AND f.{key} <= span.high)"
)
# Each span is read from the index in its order, as far as the page goes. A comparison of rows would
# say better where the last page ended, but the index would be read from there and not from ``low``.
_BY_KEY = sql.SQL("""
  SELECT found.key, found.id
    FROM unnest(%(lows)s::text[], %(highs)s::text[]) AS span (low, high)
   CROSS JOIN LATERAL (
     SELECT f.{key} AS key, f.id FROM fans f
      WHERE {condition} AND f.{key} >= span.low AND f.{key} <= span.high
        AND (f.{key} > %(after)s OR f.id > %(last)s)
      ORDER BY f.{key}, f.id LIMIT %(rows)s
   ) found
   ORDER BY found.key, found.id LIMIT %(rows)s
""")
_SPANS_AT_ONCE = 25

# Few are found first and sorted then; many are met soon enough in the order of the list. In
# between, at some thousands of a million, both cost the same.
_MANY = 5000
_COUNT = sql.SQL("""
  SELECT count(*) FROM (
    SELECT FROM fans
     WHERE creator_id = %(creator)s AND erased_at IS NULL AND {key} >= %(low)s AND {key} < %(high)s
     LIMIT %(most)s
  ) found
""")

_FANS = sql.SQL("fans WHERE creator_id = %(creator)s AND erased_at IS NULL")
_KEYS = ("handle_key", "name_key", "last_name_key")


class _Part(NamedTuple):
    """A part of the answer: as typed, beginning so, or mistyped in one of the keys."""

    typos: int
    key: str = ""


class _Listed(NamedTuple):
    """The list that is searched: its condition over ``f``, and its order."""

    condition: sql.Composable
    parameters: dict[str, object]
    order: FanOrder


def search_fans(
    connection: Connection,
    creator_id: UUID,
    search: str,
    condition: sql.Composable,
    parameters: dict[str, object],
    *,
    order: FanOrder,
    limit: int,
    cursor: str | None = None,
) -> Page[Fan]:
    """Read a page of the fans that ``search`` may mean and that fulfil ``condition``.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose fans are searched.
        search: As a person typed it.
        condition: SQL over the alias ``f``; it should name the creator.
        parameters: What the condition refers to.
        order: How exact names and beginnings are sorted.
        limit: The most items of the page; it may have fewer where the next typo begins.
        cursor: Where the page before ended.

    Raises:
        BadRequestError: The cursor belongs to no such list.
    """
    meant = _Meant(connection, creator_id, search, _Listed(condition, parameters, order))
    number, within = _place(cursor, len(meant.parts))
    items = list[Fan]()
    while True:
        page = meant.read(meant.parts[number], limit - len(items), within)
        items += page.items
        if page.next_cursor is not None:
            return Page(items=items, next_cursor=encode_cursor(number, page.next_cursor))
        typos = meant.parts[number].typos
        number, within = number + 1, None
        if number == len(meant.parts):
            return Page(items=items)
        # Who was found is answered before anybody looks for more typos, which costs much more.
        if len(items) == limit or (items and meant.parts[number].typos > typos):
            return Page(items=items, next_cursor=encode_cursor(number, ""))


def _place(cursor: str | None, parts: int) -> tuple[int, str | None]:
    if cursor is None:
        return 0, None
    number, within = decode_cursor(cursor, 2)
    if number not in map(str, range(parts)):
        raise BadRequestError("The cursor is of another list; leave it out to start over.")
    return int(number), within or None


class _Meant:
    """What a search may mean, part by part."""

    def __init__(
        self, connection: Connection, creator_id: UUID, search: str, listed: _Listed
    ) -> None:
        self._connection = connection
        self._creator_id = creator_id
        self._listed = listed
        typed = " ".join(search.split()) or search
        # Folded by the very function that made the keys.
        ((handle, name, email),) = connection.execute(
            "SELECT lower(%(handle)s), fold_text(%(typed)s), lower(%(typed)s)",
            {"typed": typed, "handle": typed.removeprefix("@") or typed},
        ).fetchall()
        # Nothing but accents: an empty beginning would be everybody's.
        name = name or typed
        self._typed = {"handle_key": handle, "name_key": name, "last_name_key": name}
        self._values: dict[str, object] = {
            **listed.parameters,
            "creator": creator_id,
            "handle": handle,
            "handle_end": handle + LAST_CHARACTER,
            "name": name,
            "name_end": name + LAST_CHARACTER,
            "email": email,
        }
        most = max(map(allowed_typos, self._typed.values()))
        self.parts = [
            *(_Part(0, "exact"), _Part(0, "beginning")),
            *(_Part(typos, key) for typos in range(1, most + 1) for key in _KEYS),
        ]
        self._spans: dict[int, Mapping[str, list[Span]]] = {}

    def read(self, part: _Part, limit: int, cursor: str | None) -> Page[Fan]:
        """Read a page of a part."""
        if part.typos:
            return self._read_mistyped(part, limit, cursor)
        wanted = _EXACT if part.key == "exact" else _ELSE.format(_BEGINS, _EXACT)
        return read_fans(
            self._connection,
            sql.SQL("{} AND {}").format(self._listed.condition, wanted),
            self._values,
            order=self._listed.order,
            limit=limit,
            cursor=cursor,
            find_all=not self._are_many(exact=part.key == "exact"),
        )

    def _are_many(self, *, exact: bool) -> bool:
        """Whether so many fans are called so that the list need not look for them."""
        counted = 0
        for key in _KEYS:
            low = self._typed[key]
            values = {
                "creator": self._creator_id,
                "low": low,
                # Nothing is between a key and the key with NUL behind it, and no text has a NUL.
                "high": low + ("\x01" if exact else LAST_CHARACTER),
                "most": _MANY,
            }
            found = self._connection.execute(_COUNT.format(key=sql.Identifier(key)), values)
            counted += sum(row[0] for row in found)
        return counted >= _MANY

    def _read_mistyped(self, part: _Part, limit: int, cursor: str | None) -> Page[Fan]:
        after, last = "", UUID(int=0)
        if cursor is not None:
            after, last = _after(cursor)
        near = self._near(part.typos)
        spans = [s for s in near[part.key] if s.typos == part.typos and s.high >= after]
        values = {**self._values, "after": after, "last": last, "rows": limit + 1}
        condition = self._without_nearer(part, near, values)
        found = list[tuple[str, UUID]]()
        for start in range(0, len(spans), _SPANS_AT_ONCE):
            chunk = spans[start : start + _SPANS_AT_ONCE]
            lows, highs = [max(s.low, after) for s in chunk], [s.high for s in chunk]
            values |= {"lows": lows, "highs": highs}
            statement = _BY_KEY.format(key=sql.Identifier(part.key), condition=condition)
            rows = self._connection.execute(statement, values)
            found += [(row[0], row[1]) for row in rows]
            if len(found) > limit:
                break
        more = len(found) > limit
        items = self._fans([fan_id for _, fan_id in found[:limit]])
        return Page(items=items, next_cursor=encode_cursor(*found[limit - 1]) if more else None)

    def _fans(self, ids: list[UUID]) -> list[Fan]:
        if not ids:
            return []
        page = read_fans(
            self._connection,
            sql.SQL("f.id = ANY(%(ids)s)"),
            {"ids": ids},
            order=NEWEST,
            limit=len(ids),
        )
        return sorted(page.items, key=lambda fan: ids.index(fan.id))

    def _near(self, typos: int) -> Mapping[str, list[Span]]:
        """The keys that are near, in their order; found once for each number of typos."""
        if typos not in self._spans:
            self._spans[typos] = {
                key: _apart(
                    find_near(
                        KeyTree(self._connection, _FANS, sql.Identifier(key), self._creator_id),
                        typed,
                        min(typos, allowed_typos(typed)),
                    )
                )
                for key, typed in self._typed.items()
            }
        return self._spans[typos]

    def _without_nearer(
        self, part: _Part, near: Mapping[str, list[Span]], values: dict[str, object]
    ) -> sql.Composed:
        """The list's condition, without the fans of the parts before."""
        condition = _ELSE.format(_ELSE.format(self._listed.condition, _BEGINS), _EXACT)
        before = self.parts[: self.parts.index(part)]
        for typos, key in before:
            spans = [s for s in near.get(key, []) if s.typos == typos]
            if spans:
                lows, highs = f"{key}_{typos}_lows", f"{key}_{typos}_highs"
                values |= {lows: [s.low for s in spans], highs: [s.high for s in spans]}
                seen = _IN_SPANS.format(
                    key=sql.Identifier(key),
                    lows=sql.Placeholder(lows),
                    highs=sql.Placeholder(highs),
                )
                condition = _ELSE.format(condition, seen)
        return condition


def _apart(spans: Sequence[Span]) -> list[Span]:
    """The spans in their order, without those inside another one that is as near."""
    apart, ends = list[Span](), dict[int, str]()
    # Of those that begin alike the widest first.
    for span in sorted(sorted(spans, key=lambda s: s.high, reverse=True), key=lambda s: s.low):
        if span.high > ends.get(span.typos, ""):
            apart.append(span)
            ends[span.typos] = span.high
    return apart


def _after(cursor: str) -> tuple[str, UUID]:
    key, last = decode_cursor(cursor, 2)
    try:
        return key, UUID(last)
    except ValueError:
        raise BadRequestError(
            "The cursor is of another list; leave it out to start over."
        ) from None
