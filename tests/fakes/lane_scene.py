"""A lane with a ledger and a site of the test's own."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock

from browser_worker.lane import Ending, Lane
from browser_worker.ledger import View
from browser_worker.profile import load_profile
from browser_worker.thread import Mark
from browser_worker.trouble import (
    CaptchaChallenge,
    LoginRefused,
    SessionExpired,
    Trouble,
    TwoFactorChallenge,
)
from browser_worker.workbench import Workbench
from huntaze.domain.outbound.grants import Granted
from huntaze.domain.outbound.lanes import Claim, DueSend, LaneState
from huntaze.domain.outbound.rate import Limits
from huntaze.domain.outbound.settlement import InDoubt
from huntaze.domain.outbound.states import SendState
from huntaze.ids import new_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLAIM = Claim(new_id(), new_id(), 7)
DUE = DueSend(
    id=new_id(),
    campaign_id=None,
    fan_id=new_id(),
    fan_platform_id="p1",
    fan_handle="ann",
    priority=3,
    text="hello",
    price_cents=0,
    platform_media_ids=[],
    attempt=1,
    open_failures=0,
    paced_per_minute=None,
    due_at=NOW,
)
DOUBT = InDoubt(
    id=DUE.id,
    campaign_id=None,
    fan_id=DUE.fan_id,
    fan_platform_id="p1",
    fan_handle="ann",
    text="hello",
    price_cents=0,
    baseline_message_id="b0",
    attempt=1,
    fencing_token=7,
    readable_at=NOW,
    known_message_ids=[],
)

STOPPING = [
    SessionExpired("x"),
    CaptchaChallenge("x"),
    TwoFactorChallenge("x"),
    LoginRefused("x"),
]


def view(**changes: Any) -> View:
    """What the lane sees: nothing to do, unless told otherwise."""
    state = {
        "now": NOW,
        "platform": "fan_platform",
        "held": True,
        "stop_reason": None,
        "limits": Limits(10, timedelta(seconds=3)),
        "intervals": [],
    }
    state |= {name: changes.pop(name) for name in list(changes) if name in state}
    values = {
        "lane": LaneState(**state),
        "command": None,
        "doubts": [],
        "due": None,
        "slot": None,
        "next_readable": None,
        "sync": None,
    }
    return View(**values | changes)


class Scene:
    """A lane, what it asks of its ledger, and the pages that it finds."""

    def __init__(self) -> None:
        self.ledger = AsyncMock()
        self.ledger.grant.return_value = Granted(NOW)
        self.ledger.settle_unreadable.return_value = SendState.UNKNOWN
        self.ledger.put_off_reading.return_value = SendState.SUBMITTING
        self.thread = AsyncMock()
        self.thread.newest_message_id = "b0"
        self.thread.messages = ()
        self.thread.older = None
        self.thread.mark.return_value = Mark(0, 0, 0)
        self.thread.click.return_value = True
        self.thread.confirmation.return_value = "m1"
        self.site = AsyncMock()
        self.site.open_thread.return_value = self.thread
        self.sessions = Mock()
        self.sessions.load.return_value = {"cookies": []}
        self.leaving = False
        self.pauses: list[float] = []

    def drain(
        self, *views: View, hand_over_seconds: float = 60, bucket: str | None = None
    ) -> Ending:
        """Drain the lane; after the last view someone else has it."""
        self.ledger.look.side_effect = [*views, view(held=False)]
        bench = Workbench(
            browser=Mock(),
            sessions=self.sessions,
            load_profile=load_profile,
            observe=lambda _: None,
            leaving=lambda: self.leaving,
            hand_over_seconds=hand_over_seconds,
            screenshots_bucket=bucket,
        )
        return asyncio.run(Lane(bench, CLAIM, self.ledger).drain())

    def told(self) -> set[str]:
        """What the ledger was told, besides being looked at."""
        return {call[0] for call in self.ledger.mock_calls} - {"look", "release"}

    def fails_at(self, step: str, trouble: Trouble) -> None:
        """Let one step of a send fail."""
        if step == "open_thread":
            self.site.open_thread.side_effect = trouble
        else:
            getattr(self.thread, step).side_effect = trouble
