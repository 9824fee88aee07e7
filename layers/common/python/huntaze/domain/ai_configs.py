"""How the assistant writes for a creator; the one writer of ``ai_configs``."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from huntaze.db import Connection
from huntaze.domain import audit


class ResponseStyle(StrEnum):
    """The tone of what is written."""

    FRIENDLY = "friendly"
    FLIRTY = "flirty"
    PROFESSIONAL = "professional"
    PLAYFUL = "playful"
    CONCISE = "concise"


type Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
type Platform = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class CustomResponse(BaseModel):
    """What the creator wants said word by word."""

    model_config = ConfigDict(extra="forbid")

    when: Line = Field(description="What a fan asks or says.")
    reply: Line


class AiConfigDraft(BaseModel):
    """What a creator says about how the assistant writes."""

    model_config = ConfigDict(extra="forbid")

    personality: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)
    ]
    response_style: ResponseStyle = ResponseStyle.FRIENDLY
    platforms: Annotated[list[Platform], Field(max_length=10)] = []
    custom_responses: Annotated[list[CustomResponse], Field(max_length=50)] = []


class AiConfig(AiConfigDraft):
    """The configuration in force; without a creator it waits for the first one."""

    creator_id: UUID | None
    updated_at: datetime


def read(connection: Connection, creator_id: UUID | None) -> AiConfig | None:
    """Read a creator's configuration, or the one that waits for the first creator."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT creator_id, personality, response_style, platforms, custom_responses,"
            " updated_at FROM ai_configs WHERE workspace_id = current_setting('app.workspace_id')"
            "::uuid AND creator_id IS NOT DISTINCT FROM %s",
            (creator_id,),
        ).fetchone()
    return AiConfig.model_validate(row) if row else None


def save(
    connection: Connection, creator_id: UUID | None, draft: AiConfigDraft, *, by: UUID
) -> None:
    """Write a creator's configuration, or the one that waits for the first creator."""
    values = draft.model_dump()
    connection.execute(
        "INSERT INTO ai_configs (workspace_id, creator_id, personality, response_style, platforms,"
        " custom_responses, updated_by) VALUES (current_setting('app.workspace_id')::uuid,"
        " %(creator_id)s, %(personality)s, %(response_style)s, %(platforms)s, %(custom)s, %(by)s)"
        " ON CONFLICT (workspace_id, creator_id) DO UPDATE SET personality = excluded.personality,"
        " response_style = excluded.response_style, platforms = excluded.platforms,"
        " custom_responses = excluded.custom_responses, updated_by = excluded.updated_by,"
        " updated_at = clock_timestamp()",
        {**values, "creator_id": creator_id, "custom": Jsonb(values["custom_responses"]), "by": by},
    )
    audit.record(connection, "ai_config.saved", audit.Target("creator", creator_id), actor_id=by)


def hand_to(connection: Connection, creator_id: UUID) -> None:
    """Give what waited for the first creator to this one, unless it has its own."""
    connection.execute(
        "UPDATE ai_configs SET creator_id = %(creator_id)s, updated_at = clock_timestamp()"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND creator_id IS NULL"
        " AND NOT EXISTS (SELECT FROM ai_configs c WHERE c.creator_id = %(creator_id)s)",
        {"creator_id": creator_id},
    )
