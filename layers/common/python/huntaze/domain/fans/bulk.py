"""Many fans at once: a stage table filled by COPY, then one statement for each kind of change."""

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql

from huntaze.db import Connection
from huntaze.domain.fans.keys import Keyring, keyring
from huntaze.domain.fans.models import FanRow
from huntaze.domain.fans.turns import take_turns

# What an import may give besides the key; the type is the stage's.
_VALUES: dict[str, LiteralString] = {
    "handle": "text",
    "display_name": "text",
    "email": "text",
    "status": "text",
    "tier": "text",
    "price_cents": "bigint",
    "rebill_on": "boolean",
    "subscribed_at": "timestamptz",
    "renewed_at": "timestamptz",
    "expires_at": "timestamptz",
    "last_seen_at": "timestamptz",
    "time_zone": "text",
    "language": "text",
    "notes": "text",
    "consent": "boolean",
}
ALL_VALUES = tuple(_VALUES)
# What a platform itself says of a fan. A sync writes these alone, and its role may write no others:
# whatever a page shows, consent and notes are people's.
PLATFORM_VALUES = (
    *("handle", "display_name", "status", "price_cents", "rebill_on"),
    *("subscribed_at", "expires_at"),
)


def _each(
    template: LiteralString,
    separator: LiteralString = ", ",
    names: tuple[str, ...] = ALL_VALUES,
) -> sql.Composed:
    """Repeat ``template`` for each value, its name in the place of ``{name}``."""
    return sql.SQL(separator).join(
        sql.SQL(template).format(name=sql.Identifier(name)) for name in names
    )


_STAGE = sql.SQL(
    "CREATE TEMP TABLE fan_stage (line bigint NOT NULL, platform_id text NOT NULL, {columns},"
    " tags text[], extra jsonb, platform_key bytea NOT NULL) ON COMMIT DROP"
).format(
    columns=sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in _VALUES.items()
    )
)

# A fan that comes twice becomes one row, as if its rows had been imported one after the other.
_MERGE_DOUBLES = sql.SQL("""
  WITH doubled AS (
    DELETE FROM fan_stage s
     USING (SELECT platform_id FROM fan_stage GROUP BY platform_id HAVING count(*) > 1) d
     WHERE s.platform_id = d.platform_id
    RETURNING s.*
  ), extras AS (
    SELECT d.platform_id, jsonb_object_agg(e.key, e.value ORDER BY d.line) AS extra
      FROM doubled d, jsonb_each(d.extra) e
     GROUP BY d.platform_id
  ), merged AS (
    SELECT max(line) AS line, platform_id, {last_values},
           (array_agg(to_jsonb(tags) ORDER BY line DESC) FILTER (WHERE tags IS NOT NULL))[1]
             AS tags,
           (array_agg(platform_key))[1] AS platform_key
      FROM doubled
     GROUP BY platform_id
  )
  INSERT INTO fan_stage (line, platform_id, {names}, tags, extra, platform_key)
  SELECT m.line, m.platform_id, {merged_values},
         CASE WHEN m.tags IS NOT NULL
              THEN ARRAY(SELECT jsonb_array_elements_text(m.tags)) END,
         x.extra, m.platform_key
    FROM merged m LEFT JOIN extras x ON x.platform_id = m.platform_id
""").format(
    names=_each("{name}"),
    last_values=_each(
        "(array_agg({name} ORDER BY line DESC) FILTER (WHERE {name} IS NOT NULL))[1] AS {name}"
    ),
    merged_values=_each("m.{name}"),
)

_SET_ERASED_ASIDE = """
  DELETE FROM fan_stage s
   USING fans f
   WHERE f.creator_id = %(creator)s AND f.erased_at IS NOT NULL
     AND f.platform_key = s.platform_key
  RETURNING s.line
"""

# A fan that was made by hand before the platform's id was known. The oldest of one handle wins.
_LINK = sql.SQL("""
  changed AS (UPDATE fans f
     SET platform_id = m.platform_id, platform_key = m.platform_key,
         updated_at = clock_timestamp()
    FROM (
      SELECT DISTINCT ON (s.platform_id) u.id, s.platform_id, s.platform_key
        FROM (
          SELECT DISTINCT ON (handle_key) id, handle_key
            FROM fans
           WHERE creator_id = %(creator)s AND platform_id IS NULL AND erased_at IS NULL
           ORDER BY handle_key, created_at, id
        ) u
        JOIN (
          SELECT DISTINCT ON (lower(handle)) platform_id, platform_key, lower(handle) AS handle_key
            FROM fan_stage
           ORDER BY lower(handle), line
        ) s ON s.handle_key = u.handle_key
       WHERE NOT EXISTS (
         SELECT FROM fans k WHERE k.creator_id = %(creator)s AND k.platform_id = s.platform_id)
       ORDER BY s.platform_id, u.id
    ) m
   WHERE f.creator_id = %(creator)s AND f.id = m.id AND f.platform_id IS NULL
  RETURNING f.id)
""")

_UNMATCHED = """
  SELECT 1 FROM fans
   WHERE creator_id = %(creator)s AND platform_id IS NULL AND erased_at IS NULL LIMIT 1
"""

# Written down before anything is inserted: an INSERT that reads the table it fills was planned for
# the size that the table had, and would walk over its own rows again and again.
_FIND_NEW = """
  CREATE TEMP TABLE fan_new ON COMMIT DROP AS
  SELECT s.line
    FROM fan_stage s
   WHERE NOT EXISTS (
     SELECT FROM fans f WHERE f.creator_id = %(creator)s AND f.platform_id = s.platform_id)
"""

# First what is new, then what changed: whoever creates one of these fans meanwhile is waited for
# by the first statement and seen by the second, which has a newer snapshot.
_INSERT = sql.SQL("""
  changed AS (INSERT INTO fans (workspace_id, creator_id, platform_id, platform_key, {names}, extra)
  SELECT current_setting('app.workspace_id')::uuid, %(creator)s, s.platform_id, s.platform_key,
         {values}, coalesce(s.extra, '{{}}')
    FROM fan_new n JOIN fan_stage s ON s.line = n.line
  ON CONFLICT (workspace_id, creator_id, platform_id) DO NOTHING
  RETURNING id)
""")
_DEFAULTS = {
    "status": sql.SQL("coalesce(s.status, 'follower')"),
    "tier": sql.SQL("coalesce(s.tier, 'free')"),
}

_UPDATE = sql.SQL("""
  changed AS (UPDATE fans f
     SET {assignments}, extra = f.extra || coalesce(s.extra, '{{}}'),
         updated_at = clock_timestamp()
    FROM fan_stage s
   WHERE f.creator_id = %(creator)s AND f.platform_id = s.platform_id
     AND ({differences} OR NOT coalesce(s.extra, '{{}}') <@ f.extra)
  RETURNING f.id)
""")


@cache
def _insert(names: tuple[str, ...]) -> sql.Composed:
    values = (_DEFAULTS.get(name, sql.SQL("s.{}").format(sql.Identifier(name))) for name in names)
    return _INSERT.format(names=_each("{name}", names=names), values=sql.SQL(", ").join(values))


@cache
def _update(names: tuple[str, ...]) -> sql.Composed:
    return _UPDATE.format(
        assignments=_each("{name} = coalesce(s.{name}, f.{name})", names=names),
        # A blank is no difference: it keeps what is there.
        differences=_each(
            "s.{name} IS NOT NULL AND f.{name} IS DISTINCT FROM s.{name}", " OR ", names
        ),
    )


_TAGS = sql.SQL("""
  wanted AS (
    SELECT f.workspace_id, f.id AS fan_id, f.creator_id, s.tags
      FROM fan_stage s
      JOIN fans f ON f.creator_id = %(creator)s AND f.platform_id = s.platform_id
     WHERE s.tags IS NOT NULL
  ), removed AS (
    DELETE FROM fan_tags t
     USING wanted w
     WHERE t.fan_id = w.fan_id AND t.tag <> ALL (w.tags)
    RETURNING t.fan_id
  ), added AS (
    INSERT INTO fan_tags (workspace_id, fan_id, creator_id, tag)
    SELECT w.workspace_id, w.fan_id, w.creator_id, tag
      FROM wanted w, unnest(w.tags) AS tag
    ON CONFLICT (workspace_id, fan_id, tag) DO NOTHING
    RETURNING fan_id
  ), changed AS (SELECT fan_id AS id FROM removed UNION SELECT fan_id FROM added)
""")

_FIND_MISSING = sql.SQL("""
  CREATE TEMP TABLE fan_missing ON COMMIT DROP AS
  SELECT DISTINCT ON (s.platform_id) s.platform_id, s.platform_key
    FROM {stage} s
   WHERE NOT EXISTS (
           SELECT FROM fans f WHERE f.creator_id = %(creator)s AND f.platform_id = s.platform_id)
     AND NOT EXISTS (
           SELECT FROM fans f
            WHERE f.creator_id = %(creator)s AND f.erased_at IS NOT NULL
              AND f.platform_key = s.platform_key)
   ORDER BY s.platform_id
""")

_CREATE_MISSING = """
  INSERT INTO fans (workspace_id, creator_id, platform_id, platform_key, handle)
  SELECT current_setting('app.workspace_id')::uuid, %(creator)s, platform_id, platform_key,
         platform_id
    FROM fan_missing
  ON CONFLICT (workspace_id, creator_id, platform_id) DO NOTHING
"""


class BulkOutcome(NamedTuple):
    """What became of the rows; ``erased`` are the lines of fans who asked to be forgotten."""

    read: int
    created: int
    updated: int
    erased: list[int]

    @property
    def unchanged(self) -> int:
        """Rows that said nothing new."""
        return self.read - self.created - self.updated - len(self.erased)


class StagedFans(NamedTuple):
    """What is on the stage of a transaction."""

    read: int
    with_tags: bool


def upsert(
    connection: Connection,
    creator_id: UUID,
    rows: Iterable[FanRow],
    *,
    values: tuple[str, ...] = ALL_VALUES,
) -> BulkOutcome:
    """Bring fans of one creator up to date.

    A value of None keeps what is there; ``tags`` replaces the fan's tags when given. The rows are
    taken one by one and never held, so that their number does not matter.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose fans these are.
        rows: Checked rows.
        values: The only values that are written, whatever else the rows hold.
    """
    staged = stage(connection, creator_id, rows)
    return upsert_staged(connection, creator_id, staged, values=values)


def stage(connection: Connection, creator_id: UUID, rows: Iterable[FanRow]) -> StagedFans:
    """Copy fans to where the transaction alone sees them: the first half of ``upsert``.

    Of a client that stands still in the midst of a COPY the server believes that it is busy: no
    limit of idle transactions or of statements ends it. So this half takes no lock, and whoever
    needs one of their own takes it after this.
    """
    counted = _Counted()
    open_stage(connection)
    fill_stage(connection, counted.pass_on(rows, keyring(connection, creator_id)))
    return StagedFans(counted.read, counted.with_tags)


def leave_out(connection: Connection, platform_ids: Collection[str]) -> None:
    """Take fans from the stage again: something newer is known of them."""
    if platform_ids:
        connection.execute(
            "DELETE FROM fan_stage WHERE platform_id = ANY (%s)", (list(platform_ids),)
        )


def upsert_staged(
    connection: Connection,
    creator_id: UUID,
    staged: StagedFans,
    *,
    values: tuple[str, ...] = ALL_VALUES,
) -> BulkOutcome:
    """Bring what was staged into the fans: the second half of ``upsert``."""
    created, updated, erased = merge_stage(
        connection, creator_id, with_tags=staged.with_tags, values=values
    )
    return BulkOutcome(staged.read, created, updated, erased)


def open_stage(connection: Connection) -> None:
    """Make the stage table, which goes with the transaction."""
    connection.execute(_STAGE)


def fill_stage(connection: Connection, staged: Iterable[tuple[object, ...]]) -> None:
    """Copy rows to the stage: the fields of a ``FanRow`` and the platform key."""
    with connection.cursor() as cursor, cursor.copy("COPY fan_stage FROM STDIN") as copy:
        for row in staged:
            copy.write_row(row)
    # Autovacuum never sees a temporary table; without figures the joins are planned for a few rows.
    # Of the columns that are joined on: the others are many and take their time.
    connection.execute("ANALYZE fan_stage (line, platform_id, platform_key, handle)")


def merge_stage(
    connection: Connection,
    creator_id: UUID,
    *,
    with_tags: bool,
    values: tuple[str, ...] = ALL_VALUES,
) -> tuple[int, int, list[int]]:
    """Bring the stage into the fans; return created, updated and the lines of the erased."""
    take_turns(connection, creator_id)
    of_creator = {"creator": creator_id}
    # What a file does not date is history, and starts no automation (migration 0062).
    of_file = "" if values == PLATFORM_VALUES else "on"
    connection.execute("SELECT set_config('app.of_file', %s, true)", (of_file,))
    connection.execute(_MERGE_DOUBLES)
    erased: list[int] = [row[0] for row in connection.execute(_SET_ERASED_ASIDE, of_creator)]
    connection.execute("CREATE TEMP TABLE fan_changed (id uuid NOT NULL) ON COMMIT DROP")
    updated = 0
    if connection.execute(_UNMATCHED, of_creator).fetchone():
        updated += _note_changed(connection, _LINK, creator_id)
    new = connection.execute(_FIND_NEW, of_creator).rowcount
    connection.execute("ANALYZE fan_new")
    created = _note_changed(connection, _insert(values), creator_id)
    # Who was inserted just now is as the stage has it.
    if not created == new == _staged(connection):
        updated += _note_changed(connection, _update(values), creator_id)
    if with_tags:
        updated += _note_changed(connection, _TAGS, creator_id)
    connection.execute("SELECT set_config('app.of_file', '', true)")
    connection.execute("DROP TABLE fan_stage, fan_new, fan_changed")
    return created, updated, erased


def _staged(connection: Connection) -> int:
    counted = connection.execute("SELECT count(*) FROM fan_stage").fetchone()
    return 0 if counted is None else int(counted[0])


def create_missing(connection: Connection, creator_id: UUID, stage: str) -> int:
    """Create the fans that a temporary table names and nobody knows; return how many.

    The caller has taken its turn.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose fans these are.
        stage: A table with ``platform_id`` and ``platform_key``.
    """
    of_creator = {"creator": creator_id}
    connection.execute(_FIND_MISSING.format(stage=sql.Identifier(stage)), of_creator)
    created = connection.execute(_CREATE_MISSING, of_creator).rowcount
    connection.execute("DROP TABLE fan_missing")
    return created


class _Counted:
    """Counts rows on their way to the stage."""

    def __init__(self) -> None:
        self.read = 0
        self.with_tags = False

    def pass_on(self, rows: Iterable[FanRow], keys: Keyring) -> Iterator[tuple[object, ...]]:
        for row in rows:
            self.read += 1
            if row.tags is not None:
                self.with_tags = True
            yield (*row, keys.platform_key(row.platform_id))


def _note_changed(
    connection: Connection, changing: sql.SQL | sql.Composed, creator_id: UUID
) -> int:
    """Run the WITH queries of a change; note the fans and return how many were not noted yet."""
    noting = sql.SQL(
        "WITH {} INSERT INTO fan_changed SELECT id FROM changed EXCEPT SELECT id FROM fan_changed"
    ).format(changing)
    return connection.execute(noting, {"creator": creator_id}).rowcount
