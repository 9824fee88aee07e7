"""A lane that sends: what trouble does to whom."""

from datetime import timedelta
from unittest.mock import Mock

import pytest

from browser_worker import lane as lane_module
from browser_worker.lane import Ending
from browser_worker.profile import load_profile
from browser_worker.thread import Mark
from browser_worker.trouble import (
    FanBlocked,
    FanGone,
    MediaMissing,
    NavigationTimeout,
    RatePage,
    RendererCrash,
    SelectorDrift,
    ServerError,
    Trouble,
    WrongThread,
)
from huntaze import clients
from huntaze.domain.outbound.grants import Granted, Refused
from huntaze.domain.outbound.lanes import DueSend
from huntaze.domain.outbound.states import SkipReason
from huntaze.ids import new_id
from tests.fakes.lane_scene import CLAIM, DUE, NOW, STOPPING, Scene, view

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
