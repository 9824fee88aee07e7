"""Progress of campaigns while they deliver: one event for many messages, a moment later."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from functions.realtime.kinds import CAMPAIGN_PROGRESS, MESSAGE_SETTLED
from functions.realtime.models import News

EVERY = timedelta(seconds=5)


class Later(NamedTuple):
    """A message for the queue itself, which is to come back."""

    event: dict[str, Any]
    delay_seconds: int


def of(workspace_id: UUID, news: Iterable[News], now: datetime) -> list[Later]:
    """What is told of campaigns when the present five seconds end.

    Its id is made of the campaign and those seconds: however many messages ask for it, and however
    often, the journal takes it once.
    """
    seconds = EVERY.total_seconds()
    number = math.floor(now.timestamp() / seconds) + 1
    ends = datetime.fromtimestamp(number * seconds, UTC)
    delay = max(1, math.ceil((ends - now).total_seconds()))
    campaigns = {
        one.data["campaign_id"]: one.creator_id
        for one in news
        if one.type == MESSAGE_SETTLED and "campaign_id" in one.data
    }
    return [
        Later(_event(workspace_id, campaign_id, creator_id, number, ends), delay)
        for campaign_id, creator_id in campaigns.items()
    ]


def _event(
    workspace_id: UUID, campaign_id: str, creator_id: UUID | None, number: int, ends: datetime
) -> dict[str, Any]:
    """As the bus would bring it."""
    return {
        "detail-type": CAMPAIGN_PROGRESS,
        "detail": {
            "id": str(uuid5(UUID(campaign_id), f"{CAMPAIGN_PROGRESS}:{number}")),
            "workspace_id": str(workspace_id),
            "aggregate_type": "campaign",
            "aggregate_id": campaign_id,
            "created_at": ends.isoformat(),
            "payload": {"creator_id": creator_id and str(creator_id)},
        },
    }
