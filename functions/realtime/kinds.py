"""Which events clients are told of, and who may see each: the one rule of socket and polling."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from functions.realtime.models import BusEvent, Entry, News, Viewer
from huntaze.auth import RIGHTS, Right


class Reach(StrEnum):
    """For whom an event is, beside the right that it takes."""

    # Who may see the creator that it names; one that names none is for who sees every creator.
    CREATOR = "creator"
    # The one member that it names, as long as they may see its creator.
    MEMBER = "member"
    # Who sees every creator: it is of the workspace as a whole.
    WORKSPACE = "workspace"


class Rule(NamedTuple):
    """Who may see events of a type."""

    right: Right
    reach: Reach


CAMPAIGN_PROGRESS = "campaign.progress"
MESSAGE_SETTLED = "message.settled"

RULES: dict[str, Rule] = {
    "message.created": Rule(Right.READ, Reach.CREATOR),
    MESSAGE_SETTLED: Rule(Right.READ, Reach.CREATOR),
    CAMPAIGN_PROGRESS: Rule(Right.READ, Reach.CREATOR),
    "draft.created": Rule(Right.READ, Reach.CREATOR),
    "creator.stopped": Rule(Right.READ, Reach.CREATOR),
    "cost.alert": Rule(Right.MANAGE, Reach.WORKSPACE),
    "notification.created": Rule(Right.READ, Reach.MEMBER),
}
# Events of the outbox of which every one is progress of its campaign.
CAMPAIGN_PREFIX = "campaign."


def may_see(viewer: Viewer, entry: Entry | News) -> bool:
    """Whether a member is told of an event."""
    rule = RULES.get(entry.type)
    if rule is None or rule.right not in RIGHTS[viewer.role]:
        return False
    if entry.user_id is not None and entry.user_id != viewer.user_id:
        return False
    in_scope = viewer.creators is None or entry.creator_id in viewer.creators
    match rule.reach:
        case Reach.CREATOR:
            return in_scope
        case Reach.MEMBER:
            return entry.user_id is not None and (entry.creator_id is None or in_scope)
        case Reach.WORKSPACE:
            return viewer.creators is None


def read(event: BusEvent) -> News | None:
    """What clients are told of an event of the bus; None when it is nothing to them.

    Whoever brings such an event says its ids in the payload, each under a name that ends in
    ``_id``; a payload's other facts stay where they are.
    """
    about = event.detail
    kind = event.type
    if kind not in RULES and kind.startswith(CAMPAIGN_PREFIX):
        kind = CAMPAIGN_PROGRESS
    if kind not in RULES:
        return None
    data = {f"{about.aggregate_type}_id": str(about.aggregate_id), **_ids(about.payload)}
    return News(
        event_id=about.id,
        type=kind,
        creator_id=_id(data.get("creator_id")),
        user_id=_id(data.get("user_id")) if RULES[kind].reach is Reach.MEMBER else None,
        data=data,
        occurred_at=about.created_at,
    )


def _ids(payload: dict[str, object]) -> dict[str, str]:
    return {
        name: str(value)
        for name, value in payload.items()
        if name.endswith("_id") and _id(value) is not None
    }


def _id(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
