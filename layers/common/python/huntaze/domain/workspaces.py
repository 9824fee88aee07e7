"""What a workspace is called, and what its new creators and invitations begin with.

The one writer of ``workspace_settings``. Adding a creator reads it for what is left out; a creator
that is there keeps its own.
"""

from typing import Annotated, Literal
from uuid import UUID

from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from huntaze.db import Connection
from huntaze.domain import audit
from huntaze.domain.creators.accounts import (
    CapHours,
    CapMessages,
    Minute,
    RecentChatMinutes,
    TimeZone,
    both_or_neither,
)
from huntaze.domain.notices import preferences


class Settings(BaseModel):
    """A workspace's settings; what is left out is as it is in a new workspace."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    time_zone: TimeZone = Field(
        "UTC", description="Of new creators, and of members without a profile."
    )
    language: Literal["en", "fr"] = Field("en", description="Of invitations that name none.")
    cap_messages: CapMessages | None = Field(
        2,
        description="A new creator's automatic messages to a fan in `cap_hours`; null is no cap.",
    )
    cap_hours: CapHours = 24
    quiet_from: Minute | None = Field(
        None, description="No automatic message of a new creator from then on, in the fan's day."
    )
    quiet_until: Minute | None = None
    recent_chat_minutes: RecentChatMinutes = Field(
        0, description="A new creator's automatic messages leave so recent a conversation alone."
    )

    @model_validator(mode="after")
    def _quiet_hours_have_two_ends(self) -> "Settings":
        both_or_neither(self.quiet_from, self.quiet_until)
        return self


def read(connection: Connection) -> Settings:
    """Read the settings of the caller's workspace."""
    with connection.cursor(row_factory=class_row(Settings)) as cursor:
        (found,) = cursor.execute(
            "SELECT w.name, coalesce(s.time_zone, 'UTC') AS time_zone,"
            " coalesce(s.language, 'en') AS language,"
            # Null is a choice of its own.
            " CASE WHEN s IS NULL THEN 2 ELSE s.cap_messages END AS cap_messages,"
            " coalesce(s.cap_hours, 24) AS cap_hours, s.quiet_from, s.quiet_until,"
            " coalesce(s.recent_chat_minutes, 0) AS recent_chat_minutes"
            " FROM workspaces w LEFT JOIN workspace_settings s ON s.workspace_id = w.id"
            " WHERE w.id = current_setting('app.workspace_id')::uuid"
        ).fetchall()
    return found


def save(connection: Connection, settings: Settings, *, by: UUID) -> None:
    """Write the settings, whole, in a transaction that reaches every member."""
    values = settings.model_dump()
    connection.execute(
        "UPDATE workspaces SET name = %(name)s"
        " WHERE id = current_setting('app.workspace_id')::uuid",
        values,
    )
    (workspace_id,) = connection.execute(
        "INSERT INTO workspace_settings (workspace_id, time_zone, language, cap_messages,"
        " cap_hours, quiet_from, quiet_until, recent_chat_minutes)"
        " VALUES (current_setting('app.workspace_id')::uuid, %(time_zone)s, %(language)s,"
        " %(cap_messages)s, %(cap_hours)s, %(quiet_from)s, %(quiet_until)s,"
        " %(recent_chat_minutes)s) ON CONFLICT (workspace_id) DO UPDATE SET"
        " time_zone = excluded.time_zone, language = excluded.language,"
        " cap_messages = excluded.cap_messages, cap_hours = excluded.cap_hours,"
        " quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,"
        " recent_chat_minutes = excluded.recent_chat_minutes, updated_at = clock_timestamp()"
        " RETURNING workspace_id",
        values,
    ).fetchall()[0]
    preferences.zone_changed(connection)
    audit.record(
        connection,
        "workspace.settings_changed",
        audit.Target("workspace", workspace_id),
        actor_id=by,
    )
