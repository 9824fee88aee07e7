"""A lane between its sends: doubts, orders, sessions, and handing over."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from browser_worker import lane as lane_module
from browser_worker.lane import Ending
from browser_worker.ledger import View
from browser_worker.messages import ReadBack, ThreadMessage
from browser_worker.trouble import (
    FanGone,
    NavigationTimeout,
    RatePage,
    RendererCrash,
    SelectorDrift,
    ServerError,
    Trouble,
    WrongThread,
)
from huntaze.domain.conversations import ThreadToRead
from huntaze.domain.outbound.commands import Command
from huntaze.domain.outbound.grants import Granted
from huntaze.domain.outbound.lanes import DueSend
from huntaze.domain.outbound.restores import Reconciliation
from huntaze.domain.outbound.syncs import Sync
from huntaze.ids import new_id
from tests.fakes.lane_scene import DOUBT, DUE, NOW, STOPPING, Scene, view

THREAD = ThreadToRead(
    id=new_id(),
    fan_id=DUE.fan_id,
    fan_platform_id="p1",
    fan_handle="ann",
    cursor=None,
    head=None,
    count=0,
    failures=0,
    stored_message_id=None,
    stored_at=None,
    now=NOW,
)
LIST = Sync(new_id(), "sync_threads", None, 0, 0, 0, 0, NOW)
RESTORED = Reconciliation(None, NOW, 0)


def at_priority(priority: int) -> DueSend:
    """What is due now, at a priority."""
    return replace(DUE, priority=priority)


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


UNSEND = Command(new_id(), "unsend", {"send_id": str(new_id())})


@pytest.fixture
def steps(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the lane does, one word for each step."""
    done: list[str] = []

    async def obey(command: Command, _: object) -> None:
        done.append(command.kind)

    async def read_page(*_: object) -> None:
        done.append("list")

    monkeypatch.setattr(lane_module.orders, "obey", obey)
    monkeypatch.setattr(lane_module.sync, "read_page", read_page)
    monkeypatch.setattr(lane_module.restore, "reconcile_page", read_page)
    scene.thread.own_messages_after.return_value = ReadBack(True, ())
    scene.ledger.settle_read_back.side_effect = lambda *_: done.append("doubt")
    scene.ledger.grant.side_effect = lambda *_, **__: done.append("send") or Granted(NOW)
    return done


@pytest.mark.parametrize(
    ("there", "done"),
    [
        ({}, ["unsend"] * 3),
        ({"due": at_priority(0)}, ["send"] * 3),
        ({"due": at_priority(1)}, ["send"] * 3),
        ({"doubts": [DOUBT]}, ["doubt"] * 3),
        ({"due": at_priority(2)}, ["unsend", "send", "unsend"]),
        ({"due": at_priority(3)}, ["unsend", "send", "unsend"]),
        ({"sync": LIST}, ["unsend", "list", "unsend"]),
        ({"sync": LIST, "due": at_priority(3)}, ["unsend", "send", "unsend"]),
        ({"due": at_priority(0), "slot": NOW + timedelta(seconds=5)}, ["unsend"] * 3),
        ({"stop_reason": "kill_switch"}, ["unsend"] * 3),
        (
            {"stop_reason": "restored", "reconciliation": RESTORED},
            ["unsend", "list", "unsend"],
        ),
    ],
)
def test_messages_are_taken_back_in_turn_with_the_rest_and_behind_whoever_waits(
    scene: Scene, steps: list[str], there: dict[str, Any], done: list[str]
) -> None:
    scene.drain(*[view(command=UNSEND, **there)] * 3)
    assert steps == done


def test_after_anything_else_a_message_is_taken_back_again(scene: Scene, steps: list[str]) -> None:
    ordered = view(command=UNSEND, sync=LIST)
    scene.drain(ordered, view(sync=LIST), ordered, ordered)
    assert steps == ["unsend", "list", "unsend", "list"]


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (NavigationTimeout("x"), "put_off_command"),
        (RendererCrash("x"), "put_off_command"),
        (SelectorDrift("x"), "put_off_command"),
        (RatePage("x"), None),
        *((trouble, "stop") for trouble in STOPPING),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_trouble_with_taking_back_is_answered_like_any_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, trouble: Trouble, told: str | None
) -> None:
    monkeypatch.setattr(lane_module.orders, "obey", AsyncMock(side_effect=trouble))
    scene.drain(*[view(command=UNSEND)] * 4)
    # Changed pages of the button stop no sends.
    assert scene.told() == ({told} if told else set())
    if isinstance(trouble, RatePage):
        # In short naps, after each of them.
        assert len(scene.pauses) >= 4 * 5


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


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[Sync]:
    found: list[Sync] = []

    async def read_page(_site: object, _ledger: object, order: Sync) -> None:
        found.append(order)

    monkeypatch.setattr(lane_module.sync, "read_page", read_page)
    return found


def test_pages_of_lists_and_of_threads_take_turns(scene: Scene, listed: list[Sync]) -> None:
    scene.drain(*[view(sync=LIST, thread=THREAD)] * 4, view(thread=THREAD))
    assert len(listed) == 2
    assert scene.ledger.store_thread.await_count == 3


@pytest.mark.parametrize("priority", [0, 1, 2, 3])
def test_what_is_due_goes_before_a_page_of_a_thread(scene: Scene, priority: int) -> None:
    scene.drain(view(due=at_priority(priority), thread=THREAD))
    scene.ledger.grant.assert_awaited_once()
    scene.ledger.store_thread.assert_not_awaited()


def test_a_page_is_read_while_a_slot_is_waited_for(scene: Scene) -> None:
    scene.drain(view(due=DUE, slot=NOW + timedelta(seconds=5), thread=THREAD))
    scene.ledger.store_thread.assert_awaited_once()
    scene.ledger.grant.assert_not_awaited()


@pytest.mark.parametrize(
    ("trouble", "told", "gone"),
    [
        (FanGone("x"), "put_off_thread", True),
        (WrongThread("x"), "put_off_thread", False),
        (SelectorDrift("x"), "put_off_thread", False),
        (RendererCrash("x"), "put_off_thread", False),
        *((trouble, "stop", None) for trouble in STOPPING),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_a_thread_that_cannot_be_read_for_a_sync_stops_no_sends_of_its_own(
    scene: Scene, trouble: Trouble, told: str, gone: bool | None
) -> None:
    scene.fails_at("open_thread", trouble)
    scene.drain(*[view(thread=THREAD)] * 4)
    assert scene.told() == {told}
    if gone is not None:
        scene.ledger.put_off_thread.assert_awaited_with(THREAD, gone=gone)
