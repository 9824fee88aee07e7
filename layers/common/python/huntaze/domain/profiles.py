"""What a member tells about themselves; the one writer of ``user_profiles``."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from huntaze.db import Connection
from huntaze.domain.creators.accounts import TimeZone
from huntaze.domain.notices import preferences
from huntaze.errors import NotFoundError

type Goal = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ProfileDraft(BaseModel):
    """A member's profile, as they write it."""

    model_config = ConfigDict(extra="forbid")

    display_name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)
    ]
    bio: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""
    time_zone: TimeZone = "UTC"
    language: Literal["en", "fr"] = Field("en", description="The language of our mails.")
    niche: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)] | None
    ) = None
    goals: Annotated[list[Goal], Field(max_length=10)] = []


class Profile(ProfileDraft):
    """A member's profile."""

    user_id: UUID
    updated_at: datetime | None = Field(description="Null until the member has written one.")


def read_or_begin(connection: Connection, user_id: UUID) -> Profile:
    """Read a member's profile, or what one begins with: their account and their workspace.

    Raises:
        NotFoundError: They are no member any more.
    """
    with connection.cursor(row_factory=class_row(Profile)) as cursor:
        found = (
            read(connection, user_id)
            or cursor.execute(
                "SELECT u.id AS user_id, u.name AS display_name, u.language,"
                " coalesce(w.time_zone, 'UTC') AS time_zone, NULL AS updated_at"
                " FROM members m JOIN users u ON u.id = m.user_id"
                " LEFT JOIN workspace_settings w ON w.workspace_id = m.workspace_id"
                " WHERE m.workspace_id = current_setting('app.workspace_id')::uuid"
                " AND m.user_id = %s",
                (user_id,),
            ).fetchone()
        )
    if found is None:
        raise NotFoundError("You are no member of this workspace any more.")
    return found


def read(connection: Connection, user_id: UUID) -> Profile | None:
    """Read a member's profile; None until they have written one."""
    with connection.cursor(row_factory=class_row(Profile)) as cursor:
        return cursor.execute(
            "SELECT p.user_id, p.display_name, p.bio, p.time_zone, u.language, p.niche, p.goals,"
            " p.updated_at FROM user_profiles p JOIN users u ON u.id = p.user_id"
            " WHERE p.workspace_id = current_setting('app.workspace_id')::uuid AND p.user_id = %s",
            (user_id,),
        ).fetchone()


def save(connection: Connection, user_id: UUID, draft: ProfileDraft) -> None:
    """Write a member's profile, whole, in a transaction of that member.

    The language is the person's, in every workspace: the sender of mails reads it there.
    """
    values = {**draft.model_dump(), "user_id": user_id}
    connection.execute(
        "INSERT INTO user_profiles (workspace_id, user_id, display_name, bio, time_zone, niche,"
        " goals) VALUES (current_setting('app.workspace_id')::uuid, %(user_id)s,"
        " %(display_name)s, %(bio)s, %(time_zone)s, %(niche)s, %(goals)s)"
        " ON CONFLICT (workspace_id, user_id) DO UPDATE SET display_name = excluded.display_name,"
        " bio = excluded.bio, time_zone = excluded.time_zone, niche = excluded.niche,"
        " goals = excluded.goals, updated_at = clock_timestamp()",
        values,
    )
    connection.execute("UPDATE users SET language = %(language)s WHERE id = %(user_id)s", values)
    preferences.zone_changed(connection, user_id)
