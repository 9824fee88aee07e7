"""Rules of telling: each crossing once, nothing twice, and what cannot be known is not repeated."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NamedTuple, Protocol

from functions.assistant.alerts.models import Post

# Longer than a post can take; who marked one and says nothing for so long has died.
LEASE = timedelta(minutes=2)
# Before the next try; longer after each one.
PAUSE = timedelta(minutes=1)
MOST_TRIES = 5

log = logging.getLogger(__name__)


class NotTakenError(Exception):
    """The channel has surely not taken it."""


class Store(Protocol):
    """The alerts of all workspaces."""

    def raise_alerts(self) -> int: ...

    def next_post(self, lease: timedelta) -> Post | None: ...

    def settle(self, post: Post, *, was_made: bool, pause: timedelta, most: int) -> None: ...


type Channel = Callable[[Post], None]


class Outcome(NamedTuple):
    """What a round did."""

    raised: int
    posted: int
    refused: int
    unknown: int


def tell(store: Store, channels: Mapping[str, Channel], *, has_time: Callable[[], bool]) -> Outcome:
    """Find crossings, then make the posts that are due."""
    raised = store.raise_alerts()
    posted = refused = unknown = 0
    while has_time() and (post := store.next_post(LEASE)) is not None:
        about = {"alert_id": str(post.alert_id), "channel": post.channel}
        try:
            channels[post.channel](post)
        except NotTakenError:
            log.warning("an alert was not taken", extra=about, exc_info=True)
            store.settle(post, was_made=False, pause=PAUSE, most=MOST_TRIES)
            refused += 1
        except Exception:
            # It may have arrived: the mark stays, and the alert is called unknown.
            log.exception("nobody knows whether an alert arrived", extra=about)
            unknown += 1
        else:
            store.settle(post, was_made=True, pause=PAUSE, most=MOST_TRIES)
            posted += 1
    return Outcome(raised, posted, refused, unknown)
