"""What puts an automation's message off, keeps it back for good, or lets it go: once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from huntaze.domain import conversations
from huntaze.domain.conversations import SeenMessage
from huntaze.domain.outbound import grants
from huntaze.domain.outbound.grants import Granted, Refused
from huntaze.domain.outbound.lanes import Claim
from tests.fakes.automation_scene import TAGGED, AutomationScene

HELLO = {"id": "hello", "kind": "send_message", "text": "Hello"}
PAUSE = {"id": "pause", "kind": "wait", "minutes": 60, "next": "hello"}


@pytest.fixture
def hello(scene: AutomationScene) -> Callable[[], dict[str, Any]]:
    """The step that sends, as the history of the only run of the only automation shows it."""

    def read() -> dict[str, Any]:
        ((automation,),) = scene.sql("SELECT id::text FROM automations")
        (run,) = scene.runs(automation)
        (step,) = [one for one in run["steps"] if one["step"] == "hello"]
        return step

    return read


def hours_around(moment: datetime) -> dict[str, str]:
    """Quiet hours that began three hours before a moment and end three after, past midnight too."""
    begin, end = moment - timedelta(hours=3), moment + timedelta(hours=3)
    return {"quiet_from": f"{begin:%H:%M}", "quiet_until": f"{end:%H:%M}"}


# It is one zone's night, and the other's day.
@pytest.mark.parametrize(
    ("creators", "fans", "held"),
    [
        ("UTC", None, True),
        ("UTC", "Etc/GMT-12", False),
        ("Etc/GMT-12", "UTC", True),
        ("Etc/GMT-12", None, False),
        # Nobody knows it: it is as if it were UTC.
        ("Mars/Olympus", None, True),
    ],
)
def test_quiet_hours_of_the_fan_put_it_off_and_then_it_goes_out_once(
    scene: AutomationScene,
    hello: Callable[[], dict[str, Any]],
    creators: str,
    fans: str | None,
    held: bool,
) -> None:
    desk = scene.desk
    now = datetime.now(UTC)
    desk.set_creator(time_zone=creators, **hours_around(now))
    scene.make(TAGGED, HELLO)
    scene.tag(desk.fan(time_zone=fans))
    scene.sweep()
    claim = desk.claim()
    answer = desk.grant(claim)
    if not held:
        assert isinstance(answer, Granted)
        return
    assert isinstance(answer, Refused)
    assert (answer.why, hello()["send_state"]) == ("deferred", "planned")
    assert hello()["send_reason"] == "quiet_hours"
    until = datetime.fromisoformat(hello()["send_due_at"])
    assert until == answer.until
    assert timedelta(hours=2) < until - now <= timedelta(hours=3)
    # Neither another sweep nor another look of the lane changes anything before that.
    scene.sweep()
    assert desk.next_due(claim) is None
    # It is morning.
    desk.set_creator(quiet_from=None, quiet_until=None)
    desk.set_send(UUID(hello()["send_id"]), due_at=now)
    assert isinstance(desk.grant(claim), Granted)
    desk.confirm(claim, UUID(hello()["send_id"]))
    scene.time_passes()
    scene.sweep()
    assert desk.next_due(claim) is None
    assert [(text, state) for _, text, state, _ in scene.sends()] == [("Hello", "sent")]
    assert (hello()["send_state"], hello()["send_reason"]) == ("sent", None)
    assert hello()["send_due_at"] is None


@pytest.mark.parametrize(
    ("had", "hours_ago", "granted"), [(2, 23, False), (2, 25, True), (1, 1, True)]
)
def test_a_cap_leaves_it_out_for_good(
    scene: AutomationScene,
    hello: Callable[[], dict[str, Any]],
    had: int,
    hours_ago: int,
    granted: bool,
) -> None:
    desk = scene.desk
    desk.set_creator(cap_messages=2, cap_hours=24)
    fan = desk.fan()
    desk.had(fan, had, hours_ago=hours_ago)
    scene.make(TAGGED, HELLO)
    scene.tag(fan)
    scene.sweep()
    claim = desk.claim()
    answer = desk.grant(claim)
    if granted:
        assert isinstance(answer, Granted)
        return
    assert answer == Refused("skipped", "cap")
    assert (hello()["send_state"], hello()["send_reason"]) == ("skipped", "cap")
    desk.set_creator(cap_messages=None)
    scene.sweep()
    assert desk.next_due(claim) is None


def stops(scene: AutomationScene, fan: UUID, _claim: Claim) -> None:
    """The fan writes that they want no more."""
    (platform_id,) = scene.sql("SELECT platform_id FROM fans WHERE id = %s", fan)[0]
    seen = SeenMessage("m-stop", own=False, text="Stop!", sent_at=datetime.now(UTC))
    with scene.desk.worker.transaction() as connection:
        conversations.store(connection, scene.desk.creator_id, platform_id, [seen])


def blocks(scene: AutomationScene, fan: UUID, claim: Claim) -> None:
    """The page says that the fan has blocked the creator."""
    with scene.desk.worker.transaction() as connection:
        grants.block_fan(connection, claim, fan)


def refuses(scene: AutomationScene, fan: UUID, _claim: Claim) -> None:
    """A person writes down that the fan does not agree."""
    scene.desk.set_fan(fan, consent=False)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(stops, "suppressed"), (blocks, "suppressed"), (refuses, "no_consent")],
)
@pytest.mark.parametrize("is_planned", [False, True])
def test_who_wants_no_more_between_a_wait_and_its_message_gets_none(
    scene: AutomationScene,
    hello: Callable[[], dict[str, Any]],
    happens: Callable[[AutomationScene, UUID, Claim], None],
    reason: str,
    is_planned: bool,
) -> None:
    scene.make(TAGGED, PAUSE, HELLO)
    fan, claim = scene.desk.fan(), scene.desk.claim()
    scene.tag(fan)
    scene.sweep()
    if is_planned:
        scene.time_passes()
        scene.sweep()
    happens(scene, fan, claim)
    scene.time_passes()
    scene.sweep()
    assert scene.desk.grant(claim) == Refused("skipped", reason)
    assert (hello()["outcome"], hello()["send_state"]) == ("done", "skipped")
    assert hello()["send_reason"] == reason
    assert [state for *_, state, _ in scene.sends()] == ["skipped"]


def test_who_leaves_after_it_was_planned_gets_none(
    scene: AutomationScene, hello: Callable[[], dict[str, Any]]
) -> None:
    scene.make(TAGGED, HELLO)
    fan = scene.desk.fan()
    scene.tag(fan)
    scene.sweep()
    scene.desk.set_fan(fan, status="expired")
    assert scene.desk.grant(scene.desk.claim()) == Refused("skipped", "subscription_ended")
    assert hello()["send_reason"] == "subscription_ended"
