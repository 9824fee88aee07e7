"""Accounts on fan platforms that a workspace runs: adding one."""

from collections.abc import Mapping
from datetime import time
from functools import cache
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import available_timezones

from psycopg.rows import dict_row
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from huntaze import outbox
from huntaze.db import Connection, Tenant
from huntaze.domain import ai_configs, audit
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Limit
from huntaze.errors import ConflictError, InvalidInputError
from huntaze.ids import new_id
from huntaze.platforms.limits import LaneLimits


class UnknownPlatformError(InvalidInputError):
    """Huntaze cannot run creators on this platform."""


class TooFastError(InvalidInputError):
    """The platform's limits are the operator's to set, not a tenant's."""


class CreatorExistsError(ConflictError):
    """The workspace runs this account already."""


@cache
def _zones() -> frozenset[str]:
    # Reading the list takes milliseconds; looking a name up instead would open files by it.
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("this is not an IANA time zone, such as Europe/Paris")
    return name


def _minute(moment: time) -> time:
    if moment.tzinfo is not None or moment.second or moment.microsecond:
        raise ValueError("quiet hours are hours and minutes of the fan's own day, such as 22:30")
    return moment


type Handle = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
type DisplayName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]
type TimeZone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_known_zone)]
type Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
# Of the fan's own day: OpenAPI's format `time` would ask for a zone.
type Minute = Annotated[
    time,
    AfterValidator(_minute),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:00)?$"}),
]
type CapMessages = Annotated[int, Field(ge=1, le=1000)]
type CapHours = Annotated[int, Field(ge=1, le=720)]
type RecentChatMinutes = Annotated[int, Field(ge=0, le=10_080)]


def both_or_neither(quiet_from: time | None, quiet_until: time | None) -> None:
    """Refuse quiet hours that have one end only."""
    if (quiet_from is None) != (quiet_until is None):
        raise ValueError("quiet_from and quiet_until go together")


class CreatorDraft(BaseModel):
    """A creator that the workspace wants to run.

    Of what is left out, the workspace's settings may say otherwise than the defaults here.
    """

    model_config = ConfigDict(extra="forbid")

    platform: Annotated[str, Field(max_length=60)]
    handle: Handle
    # The handle, unless given.
    display_name: DisplayName | None = None
    time_zone: TimeZone = "UTC"
    currency: Currency = "USD"
    # At most cap_messages automatic messages to a fan in cap_hours; null is no cap.
    cap_messages: CapMessages | None = 2
    cap_hours: CapHours = 24
    # No automatic message in these hours of the fan's day; null is never quiet.
    quiet_from: Minute | None = None
    quiet_until: Minute | None = None
    # Automatic messages leave a conversation alone that was active this recently.
    recent_chat_minutes: RecentChatMinutes = 0
    # Slower than the platform's limits, never faster; null is as fast as they allow.
    messages_per_minute: Annotated[int, Field(ge=1, le=6000)] | None = None
    min_gap_ms: Annotated[int, Field(ge=0, le=600_000)] | None = None

    @model_validator(mode="after")
    def _quiet_hours_have_two_ends(self) -> "CreatorDraft":
        both_or_neither(self.quiet_from, self.quiet_until)
        return self


def add(tenant: Tenant, draft: CreatorDraft, limits: Mapping[str, LaneLimits], *, by: UUID) -> UUID:
    """Add a creator with a stopped lane, not connected yet.

    What the workspace said of the assistant before it had a creator is this one's.

    Args:
        tenant: The workspace.
        draft: What is wanted.
        limits: How fast lanes may send, by platform.
        by: The member.

    Returns:
        The id of the creator.

    Raises:
        UnknownPlatformError: There is no such platform.
        TooFastError: The creator would send faster than the platform takes.
        CreatorExistsError: The workspace runs this account already.
        PaymentRequiredError: The workspace's plan has no room for another.
    """
    if draft.platform not in limits:
        known = ", ".join(sorted(limits))
        raise UnknownPlatformError(
            f"There is no platform {draft.platform!r}.", fields={"platform": f"one of {known}"}
        )
    values = {
        **draft.model_dump(),
        **_own_limits(draft, limits[draft.platform]).model_dump(),
        "display_name": draft.display_name or draft.handle,
        "workspace_id": tenant.workspace_id,
        "id": new_id(),
    }
    with tenant.transaction() as connection:
        values |= _begun_with(connection, draft)
        added = connection.execute(
            "INSERT INTO creators (workspace_id, id, platform, handle, display_name,"
            " time_zone, currency, cap_messages, cap_hours, quiet_from, quiet_until,"
            " recent_chat_minutes) VALUES (%(workspace_id)s, %(id)s, %(platform)s, %(handle)s,"
            " %(display_name)s, %(time_zone)s, %(currency)s, %(cap_messages)s, %(cap_hours)s,"
            " %(quiet_from)s, %(quiet_until)s, %(recent_chat_minutes)s)"
            " ON CONFLICT (workspace_id, platform, handle) DO NOTHING",
            values,
        )
        if not added.rowcount:
            raise CreatorExistsError(
                f"This workspace has a creator {draft.handle} on {draft.platform} already."
            )
        entitlements.require_room(connection, tenant.workspace_id, Limit.CREATORS, adding=0)
        connection.execute(
            "INSERT INTO creator_lanes (workspace_id, creator_id, platform, status,"
            " stop_reason, messages_per_minute, min_gap_ms) VALUES (%(workspace_id)s, %(id)s,"
            " %(platform)s, 'stopped', 'not_connected', %(messages_per_minute)s,"
            " %(min_gap_ms)s)",
            values,
        )
        ai_configs.hand_to(connection, values["id"])
        tell(connection, tenant, "creator.created", values["id"], by=by)
    creator_id: UUID = values["id"]
    return creator_id


def tell(
    connection: Connection, tenant: Tenant, event_type: str, creator_id: UUID, *, by: UUID
) -> None:
    """Announce a change of a creator, and record who made it."""
    outbox.add(
        connection,
        event_type,
        workspace_id=tenant.workspace_id,
        aggregate=("creator", creator_id),
        payload={"creator_id": str(creator_id)},
    )
    audit.record(connection, event_type, audit.Target("creator", creator_id), actor_id=by)


def _begun_with(connection: Connection, draft: CreatorDraft) -> dict[str, Any]:
    """What the workspace's settings say of what the draft leaves out."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "SELECT time_zone, cap_messages, cap_hours, quiet_from, quiet_until,"
            " recent_chat_minutes FROM workspace_settings"
            " WHERE workspace_id = current_setting('app.workspace_id')::uuid"
        ).fetchone()
    given = draft.model_fields_set
    return {name: value for name, value in (found or {}).items() if name not in given}


def _own_limits(draft: CreatorDraft, limits: LaneLimits) -> LaneLimits:
    """The limits that the workspace chose, which may only be slower."""
    per_minute = draft.messages_per_minute or limits.messages_per_minute
    gap = limits.min_gap_ms if draft.min_gap_ms is None else draft.min_gap_ms
    fields = {}
    if per_minute > limits.messages_per_minute:
        fields["messages_per_minute"] = f"at most {limits.messages_per_minute}"
    if gap < limits.min_gap_ms:
        fields["min_gap_ms"] = f"at least {limits.min_gap_ms}"
    if fields:
        raise TooFastError(
            f"{draft.platform} takes at most {limits.messages_per_minute} messages a minute,"
            f" {limits.min_gap_ms} ms apart; a workspace may only go slower.",
            fields=fields,
        )
    return LaneLimits(messages_per_minute=per_minute, min_gap_ms=gap)
