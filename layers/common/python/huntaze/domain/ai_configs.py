"""How the assistant writes for a creator; the one writer of ``ai_configs``."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from huntaze.ai.agents.voice import CustomWords, Language, LearnedStyle, Voice
from huntaze.db import Connection
from huntaze.domain import audit
from huntaze.domain.outbound.texts import SENDABLE
from huntaze.errors import NotFoundError
from huntaze.platforms.terms import terms_of


class ResponseStyle(StrEnum):
    """The tone of what is written."""

    FRIENDLY = "friendly"
    FLIRTY = "flirty"
    PROFESSIONAL = "professional"
    PLAYFUL = "playful"
    CONCISE = "concise"


type Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
type Topic = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
# Plain: a `type` statement would make another schema of it in the OpenAPI document.
Disclosure = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), SENDABLE
]
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
    language: Language | None = Field(
        None, description="Of what is written; null is the language of the writer's profile."
    )
    forbidden_topics: Annotated[list[Topic], Field(max_length=50)] = []
    disclosure: Disclosure | None = Field(None, description="How fans are told that AI helps.")


class AiConfig(AiConfigDraft):
    """The configuration in force; without a creator it waits for the first one."""

    creator_id: UUID | None
    # As it is stored, however old it is.
    disclosure: str | None = Field(None, description="How fans are told that AI helps.")
    auto_send_by: UUID | None = Field(
        description="The owner who lets replies go out without approval; null is nobody."
    )
    auto_send_at: datetime | None
    updated_at: datetime


def read(connection: Connection, creator_id: UUID | None) -> AiConfig | None:
    """Read a creator's configuration, or the one that waits for the first creator."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT a.creator_id, a.personality, a.response_style, a.platforms,"
            " a.custom_responses, a.language, a.forbidden_topics, a.disclosure,"
            # As may_auto_send has it: who is no owner any more lets nothing go out.
            " m.user_id AS auto_send_by,"
            " CASE WHEN m.user_id IS NOT NULL THEN a.auto_send_at END AS auto_send_at,"
            " a.updated_at FROM ai_configs a"
            " LEFT JOIN members m ON m.workspace_id = a.workspace_id"
            "  AND m.user_id = a.auto_send_by AND m.role = 'owner'"
            " WHERE a.workspace_id = current_setting('app.workspace_id')::uuid"
            " AND a.creator_id IS NOT DISTINCT FROM %s",
            (creator_id,),
        ).fetchone()
    return AiConfig.model_validate(row) if row else None


def save(
    connection: Connection, creator_id: UUID | None, draft: AiConfigDraft, *, by: UUID
) -> None:
    """Write a creator's configuration, or the one that waits for the first creator.

    Whether replies go out by themselves stays as it was; see `set_auto_send`.
    """
    values = draft.model_dump()
    connection.execute(
        "INSERT INTO ai_configs AS c (workspace_id, creator_id, personality, response_style,"
        " platforms, custom_responses, language, forbidden_topics, disclosure, updated_by)"
        " VALUES (current_setting('app.workspace_id')::uuid, %(creator_id)s, %(personality)s,"
        " %(response_style)s, %(platforms)s, %(custom)s, %(language)s, %(forbidden_topics)s,"
        " %(disclosure)s, %(by)s)"
        " ON CONFLICT (workspace_id, creator_id) DO UPDATE SET personality = excluded.personality,"
        " response_style = excluded.response_style, platforms = excluded.platforms,"
        " custom_responses = excluded.custom_responses, language = excluded.language,"
        " forbidden_topics = excluded.forbidden_topics, disclosure = excluded.disclosure,"
        " updated_by = excluded.updated_by, updated_at = clock_timestamp()",
        {**values, "creator_id": creator_id, "custom": Jsonb(values["custom_responses"]), "by": by},
    )
    audit.record(connection, "ai_config.saved", audit.Target("creator", creator_id), actor_id=by)


def set_auto_send(connection: Connection, creator_id: UUID, *, on: bool, by: UUID) -> None:
    """Let a creator's replies go out without a person's approval, or not any more.

    Who may say so, and where, is the caller's to look at.
    """
    changed = connection.execute(
        "UPDATE ai_configs a SET auto_send_by = %(by)s, updated_at = clock_timestamp(),"
        " auto_send_at = CASE WHEN %(by)s::uuid IS NULL THEN NULL ELSE clock_timestamp() END"
        " WHERE creator_id = %(creator_id)s AND CASE WHEN %(on)s THEN NOT EXISTS ("
        # The word of who is no owner any more does not count: another's takes its place.
        "  SELECT FROM members m WHERE m.workspace_id = a.workspace_id"
        "   AND m.user_id = a.auto_send_by AND m.role = 'owner')"
        " ELSE auto_send_by IS NOT NULL END",
        {"by": by if on else None, "creator_id": creator_id, "on": on},
    )
    if changed.rowcount:
        audit.record(
            connection,
            "ai_config.auto_send_changed",
            audit.Target("creator", creator_id),
            actor_id=by,
            facts={"on": on},
        )


def may_auto_send(connection: Connection, creator_id: UUID) -> bool:
    """Whether a reply by AI may go out now: an owner wants it, and the platform lets us."""
    row = connection.execute(
        "SELECT c.platform FROM ai_configs a"
        " JOIN creators c ON c.workspace_id = a.workspace_id AND c.id = a.creator_id"
        # Who is no owner any more lets nothing go out.
        " JOIN members m ON m.workspace_id = a.workspace_id AND m.user_id = a.auto_send_by"
        " WHERE a.creator_id = %s AND m.role = 'owner'",
        (creator_id,),
    ).fetchone()
    return row is not None and terms_of(row[0]).auto_send


def voice_of(connection: Connection, creator_id: UUID) -> Voice:
    """How agents write for a creator; the same for whoever asks.

    Raises:
        NotFoundError: There is no such creator.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT c.platform, a.personality, a.response_style, a.custom_responses, a.disclosure,"
            " coalesce(a.forbidden_topics, '{}') AS forbidden_topics, p.niche,"
            " coalesce(a.language, p.language, 'en') AS language, y.style"
            " FROM creators c"
            " LEFT JOIN ai_configs a ON a.workspace_id = c.workspace_id AND a.creator_id = c.id"
            " LEFT JOIN chatbot_switches s"
            "   ON s.workspace_id = c.workspace_id AND s.creator_id = c.id"
            " LEFT JOIN style_profiles y ON y.workspace_id = s.workspace_id"
            "   AND y.creator_id = s.creator_id AND y.version = s.style_version"
            " LEFT JOIN LATERAL ("
            "   SELECT u.language, f.niche FROM members m JOIN users u ON u.id = m.user_id"
            "     LEFT JOIN user_profiles f"
            "       ON f.workspace_id = m.workspace_id AND f.user_id = m.user_id"
            "    WHERE m.workspace_id = c.workspace_id"
            # Whoever wrote the configuration, or, where nobody did or they left, the first owner.
            "      AND (m.user_id = a.updated_by OR m.role = 'owner')"
            "    ORDER BY m.user_id = a.updated_by DESC NULLS LAST, m.created_at, m.user_id"
            "    LIMIT 1) p ON true"
            " WHERE c.id = %s",
            (creator_id,),
        ).fetchone()
    if row is None:
        raise NotFoundError("There is no such creator.")
    return Voice(
        language=Language(row["language"]),
        platform=row["platform"],
        style=row["response_style"] or ResponseStyle.FRIENDLY.value,
        personality=row["personality"],
        niche=row["niche"],
        custom_words=tuple(
            CustomWords.model_validate(one) for one in row["custom_responses"] or []
        ),
        forbidden_topics=tuple(row["forbidden_topics"]),
        disclosure=row["disclosure"],
        learned_style=row["style"] and LearnedStyle.model_validate(row["style"]),
    )


def hand_to(connection: Connection, creator_id: UUID) -> None:
    """Give what waited for the first creator to this one, unless it has its own."""
    connection.execute(
        "UPDATE ai_configs SET creator_id = %(creator_id)s, updated_at = clock_timestamp()"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND creator_id IS NULL"
        " AND NOT EXISTS (SELECT FROM ai_configs c WHERE c.creator_id = %(creator_id)s)",
        {"creator_id": creator_id},
    )
