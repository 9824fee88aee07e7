"""A platform that answers nobody is no send's fault."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from browser_worker import lane
from browser_worker.lane import Ending, Lane
from browser_worker.profile import load_profile
from browser_worker.tracing import Tracer
from browser_worker.trouble import (
    NavigationTimeout,
    RendererCrash,
    SelectorDrift,
    ServerError,
    Trouble,
)
from huntaze.ids import new_id


class _LedgerWithOneSend:
    """A ledger with one due send; after so many looks another worker has the lane."""

    def __init__(self, looks: int) -> None:
        self._looks = looks
        self.put_off: list[str] = []
        self.stopped: list[str] = []

    async def look(self, _ahead: Any) -> SimpleNamespace:
        self._looks -= 1
        return SimpleNamespace(
            lane=SimpleNamespace(
                platform="fan_platform", held=self._looks >= 0, stop_reason=None, now=0
            ),
            command=None,
            doubts=[],
            due=SimpleNamespace(
                **dict.fromkeys(("id", "campaign_id", "correlation_id", "trace")),
                due_at=_NoWait(),
                open_failures=0,
                fan_platform_id="p",
                may_be_sent=False,
            ),
            slot=None,
            next_readable=None,
            sync=None,
            thread=None,
            reconciliation=None,
        )

    async def could_not_open(self, _due: Any, trouble: str, **_: Any) -> None:
        self.put_off.append(trouble)

    async def stop(self, reason: str) -> None:
        self.stopped.append(reason)


class _NoWait:
    """A moment that has come."""

    def __sub__(self, _: int) -> SimpleNamespace:
        return SimpleNamespace(total_seconds=lambda: 0.0)


class _OtherPages:
    """A site whose pages that are no fan's answer with a trouble, or well."""

    trouble: Trouble | None = None

    @classmethod
    async def open(cls, *_: Any) -> "_OtherPages":
        return cls()

    async def verify_session(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    async def close(self) -> None:
        """Nothing is open."""

    async def storage_state(self) -> dict[str, Any]:
        return {}


@pytest.fixture
def drain(monkeypatch):
    """Drain a lane whose every thread fails with one trouble and other pages with another."""

    def run(of_thread: Trouble, of_others: Trouble | None, *, looks: int = 3) -> _LedgerWithOneSend:
        async def deliver(*_: Any) -> None:
            raise of_thread

        monkeypatch.setattr(lane, "AWAY_SECONDS", 0.01)
        monkeypatch.setattr(lane, "deliver", deliver)
        monkeypatch.setattr(lane, "Site", _OtherPages)
        monkeypatch.setattr(_OtherPages, "trouble", of_others)
        bench = SimpleNamespace(
            browser=None,
            sessions=SimpleNamespace(load=lambda *_: {}, save=lambda *_: None),
            load_profile=load_profile,
            observe=lambda _: None,
            tracer=Tracer(None),
            leaving=lambda: False,
            hand_over_seconds=60,
        )
        ledger = _LedgerWithOneSend(looks)
        claim = SimpleNamespace(workspace_id=new_id(), creator_id=new_id())
        assert asyncio.run(Lane(bench, claim, ledger).drain()) is Ending.LOST
        return ledger

    return run


@pytest.mark.parametrize("of_thread", [ServerError("502"), NavigationTimeout("silence")])
@pytest.mark.parametrize("of_others", [ServerError("refused"), NavigationTimeout("silence")])
def test_no_send_uses_up_its_tries_while_no_page_answers(drain, of_thread, of_others):
    ledger = drain(of_thread, of_others, looks=5)
    assert (ledger.put_off, ledger.stopped) == ([], [])


@pytest.mark.parametrize("of_thread", [ServerError("502"), NavigationTimeout("silence")])
@pytest.mark.parametrize("of_others", [None, RendererCrash("gone"), SelectorDrift("new")])
def test_a_thread_that_alone_fails_is_put_off(drain, of_thread, of_others):
    assert drain(of_thread, of_others).put_off == [of_thread.code] * 3


def test_other_troubles_are_not_looked_into(drain):
    assert drain(RendererCrash("gone"), ServerError("502")).put_off == ["renderer_crash"] * 3
