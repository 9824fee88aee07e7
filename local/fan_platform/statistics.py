"""Figures over the truth, so that a check from outside need not trust the sender's own."""

from collections import deque
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from local.fan_platform.money import Ledger
from local.fan_platform.store import Store


def statistics(store: Store, creator_id: str) -> dict[str, Any]:
    """Return how many messages a creator sent, how fast, and what came of them."""
    sent = store.sent(creator_id)
    moments = [datetime.fromisoformat(message.accepted_at) for message in sent]
    creator = store.creator(creator_id)
    return {
        "creator": creator_id,
        "messages": len(sent),
        "unsent": sum(message.unsent_at is not None for message in sent),
        "opened": sum(message.opened_at is not None for message in sent),
        "bought": sum(message.paid_at is not None for message in sent),
        "max_in_60_seconds": most_in_window(moments, timedelta(seconds=60)),
        "smallest_gap_seconds": min(
            ((later - earlier).total_seconds() for earlier, later in pairwise(moments)),
            default=None,
        ),
        "rate_violations": creator.rate_violations if creator else 0,
        "net_cents": Ledger(store).net_cents(creator_id),
    }


def most_in_window(moments: list[datetime], window: timedelta) -> int:
    """Return the largest number of moments that any sliding window holds."""
    inside: deque[datetime] = deque()
    most = 0
    for moment in moments:
        inside.append(moment)
        while moment - inside[0] >= window:
            inside.popleft()
        most = max(most, len(inside))
    return most
