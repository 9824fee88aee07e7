"""What a member tells about themselves; the one writer of ``user_profiles``."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from huntaze.db import Connection
from huntaze.domain.creators.accounts import TimeZone

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
    updated_at: datetime


def read(connection: Connection, user_id: UUID) -> Profile | None:
    """Read a member's profile; None until they have written one."""
    with connection.cursor(row_factory=class_row(Profile)) as cursor:
        return cursor.execute(
            "SELECT user_id, display_name, bio, time_zone, language, niche, goals, updated_at"
            " FROM user_profiles WHERE workspace_id = current_setting('app.workspace_id')::uuid"
            " AND user_id = %s",
            (user_id,),
        ).fetchone()


def save(connection: Connection, user_id: UUID, draft: ProfileDraft) -> None:
    """Write a member's profile, whole."""
    connection.execute(
        "INSERT INTO user_profiles (workspace_id, user_id, display_name, bio, time_zone, language,"
        " niche, goals) VALUES (current_setting('app.workspace_id')::uuid, %(user_id)s,"
        " %(display_name)s, %(bio)s, %(time_zone)s, %(language)s, %(niche)s, %(goals)s)"
        " ON CONFLICT (workspace_id, user_id) DO UPDATE SET display_name = excluded.display_name,"
        " bio = excluded.bio, time_zone = excluded.time_zone, language = excluded.language,"
        " niche = excluded.niche, goals = excluded.goals, updated_at = clock_timestamp()",
        {**draft.model_dump(), "user_id": user_id},
    )
