"""The keys of an index as a tree, for the walk that finds what was mistyped."""

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from huntaze.db import Connection
from huntaze.domain.fans.typos import LAST_CHARACTER

_FIRST_KEYS = sql.SQL("""
  SELECT begins.text, found.key
    FROM unnest(%(texts)s::text[]) AS begins (text)
   CROSS JOIN LATERAL (
     WITH RECURSIVE one (key, place) AS (
       (SELECT {key}, 1 FROM {rows}
           AND {key} >= begins.text AND {key} < begins.text || %(last)s
         ORDER BY {key} LIMIT 1)
       UNION ALL
       SELECT (SELECT {key} FROM {rows}
                  AND {key} > one.key AND {key} < begins.text || %(last)s
                ORDER BY {key} LIMIT 1), place + 1
         FROM one WHERE one.key IS NOT NULL AND place < %(most)s
     ) SELECT key FROM one WHERE key IS NOT NULL
   ) found
""")
_NEXT_LETTERS = sql.SQL("""
  SELECT begins.text, found.letter
    FROM unnest(%(texts)s::text[]) AS begins (text)
   CROSS JOIN LATERAL (
     WITH RECURSIVE one (key) AS (
       (SELECT {key} FROM {rows}
           AND {key} > begins.text AND {key} < begins.text || %(last)s
         ORDER BY {key} LIMIT 1)
       UNION ALL
       SELECT (SELECT {key} FROM {rows}
                  AND {key} >= left(one.key, length(begins.text) + 1) || %(last)s
                  AND {key} < begins.text || %(last)s
                ORDER BY {key} LIMIT 1)
         FROM one WHERE one.key IS NOT NULL
     ) SELECT substr(key, length(begins.text) + 1, 1) AS letter FROM one WHERE key IS NOT NULL
   ) found
""")


class KeyTree:
    """The keys of one index of a creator's rows.

    Args:
        connection: Inside a tenant's transaction.
        rows: The table and its condition, as the index has them: ``fans WHERE creator_id = …``.
        key: The column.
        creator_id: The ``creator`` of the condition.
    """

    def __init__(
        self,
        connection: Connection,
        rows: sql.Composable,
        key: sql.Composable,
        creator_id: UUID,
    ) -> None:
        self._connection = connection
        self._rows = rows
        self._key = key
        self._creator_id = creator_id

    def first_keys(self, beginnings: Sequence[str], most: int) -> dict[str, list[str]]:
        """The first distinct keys that begin so."""
        return self._ask(_FIRST_KEYS, beginnings, most=most)

    def next_letters(self, beginnings: Sequence[str]) -> dict[str, list[str]]:
        """The letters that follow these beginnings in any key."""
        return self._ask(_NEXT_LETTERS, beginnings)

    def _ask(
        self, statement: sql.SQL, beginnings: Sequence[str], **more: object
    ) -> dict[str, list[str]]:
        answers = dict[str, list[str]]()
        if beginnings:
            values = {
                "creator": self._creator_id,
                "texts": list(beginnings),
                "last": LAST_CHARACTER,
                **more,
            }
            asked = statement.format(key=self._key, rows=self._rows)
            for beginning, found in self._connection.execute(asked, values):
                answers.setdefault(beginning, []).append(found)
        return answers
