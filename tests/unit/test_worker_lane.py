"""A lane with a ledger and a site of the test's own: what trouble does to whom."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from browser_worker import lane as lane_module
from browser_worker.lane import Ending, Lane, Workbench
from browser_worker.ledger import View
from browser_worker.profile import load_profile
from browser_worker.thread import Mark, ReadBack, ThreadMessage
from browser_worker.trouble import (
    CaptchaChallenge,
    FanBlocked,
    FanGone,
    LoginRefused,
    MediaMissing,
    NavigationTimeout,
    RatePage,
    RendererCrash,
    SelectorDrift,
    ServerError,
    SessionExpired,
    Trouble,
    TwoFactorChallenge,
    WrongThread,
)
from huntaze import clients
from huntaze.domain.outbound.commands import Command
from huntaze.domain.outbound.grants import Granted, Refused
from huntaze.domain.outbound.lanes import Claim, DueSend, LaneState
from huntaze.domain.outbound.rate import Limits
from huntaze.domain.outbound.settlement import InDoubt
from huntaze.domain.outbound.states import SendState, SkipReason
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


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    site_class = Mock()
    site_class.open = AsyncMock(return_value=made.site)
    monkeypatch.setattr(lane_module, "Site", site_class)

    async def pause(seconds: float) -> None:
        made.pauses.append(seconds)

    clock = iter(range(10**9))
    monkeypatch.setattr(lane_module.asyncio, "sleep", pause)
    # Each look at the clock takes a tenth of a second, so that every pause comes to its end.
    monkeypatch.setattr(lane_module.time, "monotonic", lambda: next(clock) / 10)
    return made


STOPPING = [
    SessionExpired("x"),
    CaptchaChallenge("x"),
    TwoFactorChallenge("x"),
    LoginRefused("x"),
]
PAGES = ["open_thread", "compose", "mark"]
AFTER_GRANT = ["click", "confirmation"]


def test_a_due_message_is_sent_and_confirmed(scene: Scene) -> None:
    assert scene.drain(view(due=DUE), view()) is Ending.DRAINED
    scene.site.open_thread.assert_awaited_once_with("p1", "ann")
    scene.thread.compose.assert_awaited_once_with("hello", 0, [])
    assert scene.ledger.grant.await_args.kwargs["baseline"] == "b0"
    scene.ledger.confirm.assert_awaited_once_with(DUE.id, "m1")
    scene.ledger.announce_drained.assert_awaited_once()


def test_the_pages_clock_starts_before_the_grant_is_asked_for(scene: Scene) -> None:
    order: list[str] = []
    scene.thread.mark.side_effect = lambda: order.append("mark") or Mark(1, 2, 3)
    scene.ledger.grant.side_effect = lambda *_, **__: order.append("grant") or Granted(NOW)
    scene.drain(view(due=DUE))
    assert order == ["mark", "grant"]
    mark, seconds = scene.thread.click.await_args.args
    assert (mark, seconds) == (Mark(1, 2, 3), load_profile("fan_platform").submit_deadline_seconds)


@pytest.mark.parametrize("trouble", STOPPING, ids=lambda trouble: trouble.code)
@pytest.mark.parametrize("step", PAGES)
def test_sessions_and_challenges_stop_the_creator_and_burn_no_try(
    scene: Scene, trouble: Trouble, step: str
) -> None:
    scene.fails_at(step, trouble)
    assert scene.drain(view(due=DUE), view(stop_reason=trouble.code)) is Ending.STOPPED
    scene.ledger.stop.assert_awaited_once_with(trouble.code)
    assert scene.told() == {"stop"}
    # The state of that session is not worth keeping.
    scene.sessions.renew.assert_not_called()


def test_a_creator_without_a_session_is_stopped(scene: Scene) -> None:
    scene.sessions.load.return_value = None
    scene.drain(view(due=DUE))
    assert scene.told() == {"stop"}
    scene.ledger.stop.assert_awaited_once_with("session_expired")


@pytest.mark.parametrize("step", PAGES)
def test_a_rate_page_is_waited_out_and_blames_nobody(scene: Scene, step: str) -> None:
    scene.fails_at(step, RatePage("slow down"))
    scene.drain(view(due=DUE))
    assert scene.told() == set()
    # In short naps, so that being told to go does not wait for the end.
    assert max(scene.pauses) <= lane_module.NAP_SECONDS
    assert len(scene.pauses) >= 5


def test_being_told_to_go_ends_a_pause(scene: Scene) -> None:
    scene.fails_at("open_thread", RatePage("slow down"))
    scene.site.close.side_effect = lambda: setattr(scene, "leaving", True)
    assert scene.drain(view(due=DUE), view(due=DUE)) is Ending.HANDED_OVER
    assert scene.pauses == []


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (FanBlocked("x"), "block_fan"),
        (FanGone("x"), "skip"),
        (WrongThread("x"), "skip"),
        (MediaMissing("x"), "could_not_open"),
        (RendererCrash("x"), "could_not_open"),
        (NavigationTimeout("x"), "could_not_open"),
        (ServerError("x"), "could_not_open"),
        (SelectorDrift("x"), "could_not_open"),
    ],
    ids=lambda value: getattr(value, "code", None),
)
@pytest.mark.parametrize("step", PAGES)
def test_other_trouble_puts_one_message_aside(
    scene: Scene, trouble: Trouble, told: str, step: str
) -> None:
    scene.fails_at(step, trouble)
    scene.drain(view(due=DUE))
    assert scene.told() == {told}
    if told == "skip":
        reason = SkipReason.GONE if isinstance(trouble, FanGone) else SkipReason.WRONG_THREAD
        scene.ledger.skip.assert_awaited_once_with(DUE, reason)
    # The page may be spoilt: the next message gets another.
    scene.site.close.assert_awaited()


def test_three_changed_pages_in_a_row_stop_the_creator(scene: Scene) -> None:
    scene.fails_at("compose", SelectorDrift("the button is gone"))
    scene.drain(*[view(due=DUE)] * 3)
    assert scene.ledger.could_not_open.await_count == 2
    scene.ledger.stop.assert_awaited_once_with("selector_drift")


def test_a_message_that_goes_through_forgives_the_changed_pages_before(scene: Scene) -> None:
    drift = SelectorDrift("slow page")
    scene.thread.compose.side_effect = [drift, drift, None, drift, drift]
    scene.drain(*[view(due=DUE)] * 5)
    scene.ledger.stop.assert_not_awaited()
    scene.ledger.confirm.assert_awaited_once()


def test_a_changed_pages_picture_is_kept(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Mock()
    monkeypatch.setattr(clients, "s3", lambda: store)
    scene.fails_at("compose", SelectorDrift("x", selectors=("chat.list",), screenshot=b"png"))
    scene.drain(view(due=DUE), bucket="pictures")
    (put,) = store.put_object.call_args_list
    assert (put.kwargs["Bucket"], put.kwargs["Body"]) == ("pictures", b"png")
    folder, _, name = put.kwargs["Key"].rpartition("/")
    assert folder == f"{CLAIM.workspace_id}/{CLAIM.creator_id}"
    assert name.endswith("Z.png")


@pytest.mark.parametrize("picture", [None, b"png"])
def test_a_picture_is_never_worth_a_lane(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, picture: bytes | None
) -> None:
    store = Mock()
    store.put_object.side_effect = RuntimeError("the bucket is gone")
    monkeypatch.setattr(clients, "s3", lambda: store)
    scene.fails_at("compose", SelectorDrift("x", screenshot=picture))
    assert scene.drain(view(due=DUE), view(), bucket="pictures") is Ending.DRAINED
    assert scene.told() == {"could_not_open", "announce_drained"}


TROUBLES: list[Trouble] = [
    *STOPPING,
    RatePage("x"),
    FanBlocked("x"),
    FanGone("x"),
    WrongThread("x"),
    RendererCrash("x"),
    NavigationTimeout("x"),
    ServerError("x"),
    SelectorDrift("x"),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.code)
@pytest.mark.parametrize("step", AFTER_GRANT)
def test_nothing_is_clicked_or_asked_for_again_after_a_grant(
    scene: Scene, trouble: Trouble, step: str
) -> None:
    scene.fails_at(step, trouble)
    scene.drain(view(due=DUE), view(next_readable=NOW), view(next_readable=NOW))
    assert scene.thread.click.await_count == 1
    assert scene.ledger.grant.await_count == 1
    scene.ledger.confirm.assert_not_awaited()
    # Whatever else was said touches planned rows or the lane, never this message's outcome.
    assert not scene.told() & {"confirm", "settle_read_back", "settle_unreadable"}


def test_a_click_that_came_too_late_is_left_to_be_read_back(scene: Scene) -> None:
    scene.thread.click.return_value = False
    scene.drain(view(due=DUE))
    scene.thread.confirmation.assert_not_awaited()
    assert scene.told() == {"grant"}


@pytest.mark.parametrize("why", ["lane_lost", "stopped", "deferred", "skipped", "gone", "no_slot"])
def test_a_refused_message_is_not_clicked(scene: Scene, why: str) -> None:
    scene.ledger.grant.return_value = Refused(why, until=NOW + timedelta(seconds=1))
    scene.drain(view(due=DUE))
    scene.thread.click.assert_not_awaited()
    assert scene.told() == {"grant"}


def test_an_error_while_asking_means_that_nothing_is_clicked(scene: Scene) -> None:
    scene.ledger.grant.side_effect = ConnectionError("was it committed?")
    with pytest.raises(ConnectionError):
        scene.drain(view(due=DUE))
    scene.thread.click.assert_not_awaited()


def test_an_unmatched_fan_is_skipped_without_a_page(scene: Scene) -> None:
    unmatched = DueSend(**{**DUE.__dict__, "fan_platform_id": None})
    assert scene.drain(view(due=unmatched), view()) is Ending.DRAINED
    scene.ledger.skip.assert_awaited_once_with(unmatched, SkipReason.UNMATCHED)
    scene.site.open_thread.assert_not_awaited()


def test_a_slot_is_waited_for_and_the_lane_looked_at_anew(scene: Scene) -> None:
    later = NOW + timedelta(seconds=20)
    person = DueSend(**{**DUE.__dict__, "id": new_id(), "priority": 0})
    scene.drain(view(due=DUE, slot=later), view(due=person), view())
    # Who wrote meanwhile took the slot.
    assert scene.ledger.grant.await_args.args == (person,)
    assert 0 < max(scene.pauses) <= lane_module.NAP_SECONDS


def own(text: str, price_cents: int | None = 0) -> ThreadMessage:
    """A message of the creator's in the thread."""
    return ThreadMessage("m1", own=True, text=text, price_cents=price_cents, media=(), at=None)


@pytest.mark.parametrize(
    ("seen", "matches"),
    [
        ([], []),
        ([own("hello")], [True]),
        ([own("  hello 🔥 ")], [True]),
        ([own("hello you")], [False]),
        ([own("hello", 500)], [False]),
        ([own("hello", None)], [False]),
    ],
)
def test_a_message_in_doubt_is_read_twice_before_anything_is_sent(
    scene: Scene, seen: list[ThreadMessage], matches: list[bool]
) -> None:
    scene.thread.own_messages_after.return_value = ReadBack(True, tuple(seen))
    scene.drain(view(doubts=[DOUBT], due=DUE))
    assert scene.thread.own_messages_after.await_count == 2
    assert scene.site.open_thread.await_args.kwargs == {"for_reading": True}
    doubt, sightings = scene.ledger.settle_read_back.await_args.args
    assert doubt == DOUBT
    assert [message.matches for message in sightings[1].own_messages] == matches
    scene.ledger.grant.assert_not_awaited()


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (FanGone("x"), "settle_unreadable"),
        (WrongThread("x"), "put_off_reading"),
        (RendererCrash("x"), "put_off_reading"),
        (ServerError("x"), "put_off_reading"),
        (NavigationTimeout("x"), "put_off_reading"),
        *((trouble, "stop") for trouble in STOPPING),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_a_thread_that_cannot_be_read_holds_up_no_lane(
    scene: Scene, trouble: Trouble, told: str
) -> None:
    scene.fails_at("open_thread", trouble)
    scene.drain(view(doubts=[DOUBT]))
    assert scene.told() == {told}


def test_changed_pages_found_while_reading_stop_the_creator_too(scene: Scene) -> None:
    scene.fails_at("open_thread", SelectorDrift("x"))
    scene.drain(*[view(doubts=[DOUBT])] * 3)
    assert scene.told() == {"stop"}


def test_readings_stop_when_the_worker_must_go(scene: Scene) -> None:
    def read(*_: object) -> ReadBack:
        scene.leaving = True
        return ReadBack(True, ())

    scene.thread.own_messages_after.side_effect = read
    ending = scene.drain(view(doubts=[DOUBT] * 5), view(doubts=[DOUBT] * 4))
    assert ending is Ending.HANDED_OVER
    assert scene.ledger.settle_read_back.await_count == 1


def test_orders_come_before_messages(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    obeyed: list[Command] = []

    async def obey(command: Command, _: object) -> None:
        obeyed.append(command)

    monkeypatch.setattr(lane_module.orders, "obey", obey)
    order = Command(new_id(), "connect", {})
    scene.drain(view(command=order, due=DUE, stop_reason="not_connected"))
    assert obeyed == [order]
    scene.ledger.grant.assert_not_awaited()


@pytest.mark.parametrize(
    ("last", "ending", "renews"),
    [
        (view(), Ending.DRAINED, True),
        (view(stop_reason="kill_switch"), Ending.STOPPED, True),
        (view(held=False), Ending.LOST, False),
    ],
)
def test_the_session_is_kept_unless_the_lane_is_someone_elses(
    scene: Scene, last: View, ending: Ending, renews: bool
) -> None:
    assert scene.drain(view(due=DUE), last) is ending
    assert scene.sessions.renew.called is renews
    scene.site.close.assert_awaited()


def test_a_browser_that_is_gone_keeps_the_session_that_was_stored(scene: Scene) -> None:
    scene.site.storage_state.side_effect = RendererCrash("gone")
    assert scene.drain(view(due=DUE), view()) is Ending.DRAINED
    scene.sessions.renew.assert_not_called()


def test_a_lane_is_handed_over_after_a_while(scene: Scene) -> None:
    assert scene.drain(*[view(due=DUE)] * 50, hand_over_seconds=2) is Ending.HANDED_OVER
    assert 0 < scene.ledger.grant.await_count < 50


def test_a_worker_that_must_go_begins_nothing(scene: Scene) -> None:
    scene.leaving = True
    assert scene.drain(view(due=DUE)) is Ending.HANDED_OVER
    assert scene.told() == set()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    record: Callable[..., None] = lambda *figures: found.append(figures)  # noqa: E731
    monkeypatch.setattr(lane_module.metrics, "record_wait", record)
    return found


def test_it_is_told_how_long_a_message_was_due(scene: Scene, waits: list[tuple[Any, ...]]) -> None:
    early = DueSend(**{**DUE.__dict__, "due_at": NOW - timedelta(seconds=12)})
    scene.drain(view(due=early))
    assert waits == [(3, 12.0)]
