"""What a member wants to be told of, and how; the one writer of ``notification_preferences``."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from huntaze.db import Connection
from huntaze.domain.notices.kinds import RULES, Kind
from huntaze.errors import NotFoundError

type Cadence = Literal["off", "daily", "weekly"]


class Channels(BaseModel):
    """How one kind of notification is told."""

    model_config = ConfigDict(extra="forbid")

    in_app: bool
    email: bool


class PreferencesDraft(BaseModel):
    """What a member wants; it replaces what they wanted before."""

    model_config = ConfigDict(extra="forbid")

    channels: dict[Kind, Channels] = Field(
        default={}, description="For a kind that is left out the product's own choice stands."
    )
    emails: bool = Field(
        default=True, description="False: no notification is mailed, whatever else is chosen."
    )
    digest: Cadence = Field(
        "off", description="One mail of what is unread and was not mailed; weekly is on Mondays."
    )
    digest_hour: Annotated[int, Field(ge=0, le=23)] = Field(
        9, description="From when on a digest is sent, in the member's time zone."
    )


class Preferences(PreferencesDraft):
    """What a member wants, with the product's choice where they made none."""

    time_zone: str = Field(description="Of the digest's hour: the profile's, else the workspace's.")
    mail_trouble: Literal["bounced", "complained"] | None = Field(
        description="Why the member's address gets none of these mails; null when it does."
    )


class DigestPlan(BaseModel):
    """What a member's next digest follows from."""

    model_config = ConfigDict(frozen=True)

    digest: Cadence
    emails: bool
    digest_hour: int
    digested_until: datetime
    time_zone: str


def read(connection: Connection, user_id: UUID) -> Preferences:
    """Read a member's preferences.

    Raises:
        NotFoundError: They are no member any more.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT p.channels, p.emails, p.digest, p.digest_hour,"
            " mail_trouble(m.user_id) AS mail_trouble FROM members m"
            " LEFT JOIN notification_preferences p"
            "  ON p.workspace_id = m.workspace_id AND p.user_id = m.user_id"
            " WHERE m.workspace_id = current_setting('app.workspace_id')::uuid AND m.user_id = %s",
            (user_id,),
        ).fetchone()
    if row is None:
        raise NotFoundError("You are no member of this workspace any more.")
    row["time_zone"] = _zone_of(connection, user_id)
    chosen = row.pop("channels") or {}
    # Of a member who has chosen nothing yet.
    known = {name: value for name, value in row.items() if value is not None}
    channels = {
        kind: chosen.get(kind) or Channels(in_app=True, email=rule.mailed)
        for kind, rule in RULES.items()
    }
    return Preferences.model_validate({"mail_trouble": None, **known, "channels": channels})


def save(connection: Connection, user_id: UUID, draft: PreferencesDraft) -> None:
    """Write a member's preferences, whole.

    Who changes when digests come gets none for a time before that.
    """
    connection.execute(
        "INSERT INTO notification_preferences AS p"
        " (workspace_id, user_id, channels, emails, digest, digest_hour)"
        " VALUES (current_setting('app.workspace_id')::uuid, %(user_id)s, %(channels)s,"
        "  %(emails)s, %(digest)s, %(digest_hour)s)"
        " ON CONFLICT (workspace_id, user_id) DO UPDATE SET channels = excluded.channels,"
        " emails = excluded.emails, digest = excluded.digest,"
        " digest_hour = excluded.digest_hour, next_digest_at = NULL,"
        " digested_until = CASE WHEN (p.emails, p.digest, p.digest_hour)"
        "  = (excluded.emails, excluded.digest, excluded.digest_hour)"
        "  THEN p.digested_until ELSE clock_timestamp() END, updated_at = clock_timestamp()",
        {
            **draft.model_dump(exclude={"channels"}),
            "channels": Jsonb(draft.model_dump(mode="json")["channels"]),
            "user_id": user_id,
        },
    )


def zone_changed(connection: Connection, user_id: UUID | None = None) -> None:
    """Let digests be planned anew: of one member, or of a whole workspace."""
    connection.execute(
        "UPDATE notification_preferences SET next_digest_at = NULL"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid"
        " AND (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s)",
        {"user_id": user_id},
    )


def hold(connection: Connection, user_id: UUID) -> DigestPlan | None:
    """Read what a digest follows from; nobody else makes one until the transaction ends."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT digest, emails, digest_hour, digested_until FROM notification_preferences"
            " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND user_id = %s"
            " FOR UPDATE",
            (user_id,),
        ).fetchone()
    if row is None:
        return None
    return DigestPlan(**row, time_zone=_zone_of(connection, user_id))


def plan_next(
    connection: Connection, user_id: UUID, *, digested_until: datetime, next_at: datetime
) -> None:
    """Write until when digests are made, and when the next is due."""
    connection.execute(
        "UPDATE notification_preferences SET digested_until = %s, next_digest_at = %s"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND user_id = %s",
        (digested_until, next_at, user_id),
    )


def _zone_of(connection: Connection, user_id: UUID) -> str:
    """A member's own time zone, else their workspace's."""
    row = connection.execute(
        "SELECT coalesce(p.time_zone, w.time_zone, 'UTC') FROM members m"
        " LEFT JOIN user_profiles p ON p.workspace_id = m.workspace_id AND p.user_id = m.user_id"
        " LEFT JOIN workspace_settings w ON w.workspace_id = m.workspace_id"
        " WHERE m.workspace_id = current_setting('app.workspace_id')::uuid AND m.user_id = %s",
        (user_id,),
    ).fetchone()
    return row[0] if row else "UTC"
