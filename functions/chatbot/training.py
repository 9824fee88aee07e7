"""Styles in Postgres: counted from a creator's own messages, in versions that are reversible."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from functions.chatbot.styles import LEAST, Own, StyleFigures, profile
from huntaze.ai.agents import LearnedStyle
from huntaze.db import Connection, Tenant
from huntaze.domain import audit, compliance
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature
from huntaze.domain.creators import resolve_creator
from huntaze.errors import ConflictError, NotFoundError

_MOST = 5000
# By people alone: what a model, a template or an automation wrote teaches nothing.
_OWN = """
  SELECT m.fan_id, m.text, m.price_cents, m.paid_at IS NOT NULL AS paid
    FROM messages m
    LEFT JOIN sends s ON s.workspace_id = m.workspace_id AND s.id = m.send_id
   WHERE m.creator_id = %s AND m.direction = 'out' AND NOT m.automatic AND m.unsent_at IS NULL
     AND m.text <> '' AND CASE
       WHEN s.id IS NOT NULL THEN s.written_by = 'person' AND s.priority = 0
       -- Nobody knows whose words it has that came when an outcome was unknown.
       ELSE NOT EXISTS (
         SELECT FROM sends u
          WHERE u.fan_id = m.fan_id AND u.state IN ('submitting', 'unknown')
            AND (u.written_by <> 'person' OR u.priority > 0)
            AND m.sent_at BETWEEN u.granted_at - interval '1 hour'
                              AND u.granted_at + interval '1 hour') END
   ORDER BY m.sent_at DESC, m.id DESC LIMIT %s
"""
_VERSIONS = """
  SELECT y.creator_id, y.version, y.style, y.figures, y.created_by, y.created_at,
         s.style_version IS NOT DISTINCT FROM y.version AS in_use
    FROM style_profiles y
    LEFT JOIN chatbot_switches s
      ON s.workspace_id = y.workspace_id AND s.creator_id = y.creator_id
   WHERE y.creator_id = %s ORDER BY y.version DESC LIMIT 100
"""
_HOLD = "SELECT FROM creators WHERE id = %s FOR NO KEY UPDATE"
_USE = """
  INSERT INTO chatbot_switches AS s (workspace_id, creator_id, style_version)
  VALUES (current_setting('app.workspace_id')::uuid, %s, %s)
      ON CONFLICT (workspace_id, creator_id) DO UPDATE
     SET style_version = excluded.style_version, updated_at = clock_timestamp()
"""


class TooFewMessagesError(ConflictError):
    """The creator has written too little to learn from."""


class StyleVersion(BaseModel):
    """How a creator writes, as it was counted once."""

    creator_id: UUID
    version: int
    style: LearnedStyle = Field(description="As prompts say it.")
    figures: StyleFigures = Field(description="What it was counted from, and what earned.")
    created_by: UUID
    created_at: datetime
    in_use: bool


class Styles(BaseModel):
    """The styles of a creator, the newest first; none may be in use."""

    items: list[StyleVersion]


class _Name(NamedTuple):
    display_name: str | None
    handle: str


class PostgresStyles:
    """The styles of one workspace's creators.

    Args:
        tenant: Whose.
        user_id: Who calls.
    """

    def __init__(self, tenant: Tenant, user_id: UUID) -> None:
        self._tenant = tenant
        self._user_id = user_id

    def versions(self, creator_id: UUID | None) -> Styles:
        """Every version of a creator's style."""
        with self._tenant.transaction() as connection:
            return Styles(items=_versions(connection, resolve_creator(connection, creator_id)))

    def train(self, creator_id: UUID | None) -> StyleVersion:
        """Count a new version from what the creator has written, and use it.

        Raises:
            TooFewMessagesError: That is too little.
            PaymentRequiredError: The plan has no chatbot.
        """
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, creator_id)
            entitlements.require(connection, self._tenant.workspace_id, Feature.CHATBOT)
            # Two at a time would count the same version.
            connection.execute(
                "SELECT FROM creators WHERE id = %s FOR NO KEY UPDATE", (creator_id,)
            )
            with connection.cursor(row_factory=class_row(Own)) as reading:
                messages = reading.execute(_OWN, (creator_id, _MOST)).fetchall()
            messages = _fit(connection, creator_id, messages)
            if len(messages) < LEAST:
                raise TooFewMessagesError(
                    f"The creator has written {len(messages)} messages that can be learned from;"
                    f" {LEAST} are needed."
                )
            style, figures = profile(messages, _names(connection, creator_id, messages))
            version = _add(connection, creator_id, style, figures, self._user_id)
            self._use(connection, creator_id, version, "style.trained")
            return _versions(connection, creator_id)[0]

    def revert(self, creator_id: UUID | None, version: int | None) -> Styles:
        """Use another version, or none.

        Raises:
            NotFoundError: The creator has no such version.
            PaymentRequiredError: The plan has no chatbot.
        """
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, creator_id)
            entitlements.require(connection, self._tenant.workspace_id, Feature.CHATBOT)
            known = {one.version for one in _versions(connection, creator_id)}
            if version is not None and version not in known:
                raise NotFoundError("The creator has no such version of a style.")
            self._use(connection, creator_id, version, "style.reverted")
            return Styles(items=_versions(connection, creator_id))

    def _use(
        self, connection: Connection, creator_id: UUID, version: int | None, action: str
    ) -> None:
        connection.execute(_USE, (creator_id, version))
        audit.record(
            connection,
            action,
            audit.Target("creator", creator_id),
            actor_id=self._user_id,
            facts={"version": version},
        )


def _fit(connection: Connection, creator_id: UUID, messages: list[Own]) -> list[Own]:
    """What may be said again: a model must not learn what the rules forbid."""
    row = connection.execute("SELECT platform FROM creators WHERE id = %s", (creator_id,))
    (platform,) = row.fetchone() or ("",)
    return [one for one in messages if compliance.check(one.text, platform=platform).passed]


def _names(connection: Connection, creator_id: UUID, messages: list[Own]) -> list[str]:
    """The names of those who were written to."""
    fans = list({one.fan_id for one in messages})
    with connection.cursor(row_factory=class_row(_Name)) as reading:
        found = reading.execute(
            "SELECT display_name, handle FROM fans WHERE creator_id = %s AND id = ANY (%s)",
            (creator_id, fans),
        ).fetchall()
    return [name for one in found for name in one if name]


def _add(
    connection: Connection, creator_id: UUID, style: LearnedStyle, figures: StyleFigures, by: UUID
) -> int:
    row = connection.execute(
        "INSERT INTO style_profiles (workspace_id, creator_id, version, style, figures, created_by)"
        " SELECT current_setting('app.workspace_id')::uuid, %(creator)s,"
        " coalesce(max(version), 0) + 1, %(style)s, %(figures)s, %(by)s"
        " FROM style_profiles WHERE creator_id = %(creator)s RETURNING version",
        {
            "creator": creator_id,
            "style": Jsonb(style.model_dump(mode="json", exclude_none=True)),
            "figures": Jsonb(figures.model_dump(mode="json")),
            "by": by,
        },
    ).fetchone()
    if row is None:
        raise LookupError("an INSERT answered nothing")
    return int(row[0])


def _versions(connection: Connection, creator_id: UUID) -> list[StyleVersion]:
    with connection.cursor(row_factory=class_row(StyleVersion)) as reading:
        return reading.execute(_VERSIONS, (creator_id,)).fetchall()
