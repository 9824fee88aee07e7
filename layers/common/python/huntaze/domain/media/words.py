"""Finding items by words: as they are written, as they begin, or with a typo or two."""

import re
from uuid import UUID

from psycopg import sql

from huntaze.db import Connection
from huntaze.domain.fans.trees import KeyTree
from huntaze.domain.fans.typos import LAST_CHARACTER, allowed_typos, find_near

_WORD = re.compile(r"\w+")
_LONGEST = 60
# Further words of a search narrow nothing that anybody would notice.
_MOST_WORDS = 8

_ROWS = sql.SQL("media_words WHERE creator_id = %(creator)s")
_HAS_WORD = sql.SQL(
    "EXISTS (SELECT FROM media_words w"
    " CROSS JOIN unnest({lows}::text[], {highs}::text[]) AS span (low, high)"
    " WHERE w.workspace_id = m.workspace_id AND w.media_id = m.id"
    " AND w.word >= span.low AND w.word <= span.high)"
)


def replace_words(
    connection: Connection, creator_id: UUID, media_id: UUID, texts: list[str]
) -> None:
    """Let an item be found by the words of ``texts`` and no others."""
    words = _words_of(connection, " ".join(texts))
    connection.execute(
        "DELETE FROM media_words WHERE media_id = %s AND word <> ALL (%s::text[])",
        (media_id, words),
    )
    connection.execute(
        "INSERT INTO media_words (workspace_id, creator_id, media_id, word)"
        " SELECT current_setting('app.workspace_id')::uuid, %s, %s, unnest(%s::text[])"
        " ON CONFLICT (workspace_id, media_id, word) DO NOTHING",
        (creator_id, media_id, words),
    )


def condition_of(
    connection: Connection, creator_id: UUID, search: str, values: dict[str, object]
) -> sql.Composable:
    """SQL over the alias ``m``: the item has every word of ``search``, or one that it may mean.

    Words that begin so are meant; where the creator has none, those that are a typo or two away.
    What the condition refers to is added to ``values``.
    """
    words = _words_of(connection, search)[:_MOST_WORDS]
    if not words:
        return sql.SQL("false")
    conditions = list[sql.Composable]()
    for number, word in enumerate(words):
        spans = _spans(connection, creator_id, word)
        lows, highs = f"lows_{number}", f"highs_{number}"
        values[lows], values[highs] = [low for low, _ in spans], [high for _, high in spans]
        conditions.append(
            _HAS_WORD.format(lows=sql.Placeholder(lows), highs=sql.Placeholder(highs))
        )
    return sql.SQL(" AND ").join(conditions)


def _spans(connection: Connection, creator_id: UUID, word: str) -> list[tuple[str, str]]:
    ends = word + LAST_CHARACTER
    known = connection.execute(
        "SELECT EXISTS (SELECT FROM media_words"
        " WHERE creator_id = %s AND word >= %s AND word <= %s)",
        (creator_id, word, ends),
    ).fetchone()
    if known is not None and known[0]:
        return [(word, ends)]
    tree = KeyTree(connection, _ROWS, sql.Identifier("word"), creator_id)
    return [(span.low, span.high) for span in find_near(tree, word, allowed_typos(word))]


def _words_of(connection: Connection, text: str) -> list[str]:
    """The words of a text, each once, without regard to case and accents."""
    row = connection.execute("SELECT fold_text(%s)", (text,)).fetchone()
    folded = "" if row is None else row[0]
    return list(dict.fromkeys(word[:_LONGEST] for word in _WORD.findall(folded)))
