"""What goes out by itself: under every combination of what must allow it, and to nobody else."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from huntaze.domain.outbound.grants import Granted, Refused
from huntaze.ids import new_id

ALLOW = ("word", "terms", "disclosure", "owner", "calm", "sure")


def test_only_where_everything_allows_it(scene):
    scene.activate(min_confidence=50)
    scene.configure(auto_send=True)
    went = []
    for allowed in product((True, False), repeat=len(ALLOW)):
        lets = dict(zip(ALLOW, allowed, strict=True))
        scene.sql(
            "UPDATE ai_configs SET auto_send_by = %s, auto_send_at = %s, disclosure = %s",
            scene.desk.user_id if lets["word"] else None,
            datetime.now(UTC) if lets["word"] else None,
            "Written with the help of AI." if lets["disclosure"] else None,
        )
        scene.desk.set_creator(platform="fan_platform" if lets["terms"] else "onlyfans")
        scene.sql("UPDATE members SET role = %s", "owner" if lets["owner"] else "manager")
        scene.writer.drafts[0]["confidence"] = 90 if lets["sure"] else 10
        _, platform_id = scene.fan()
        text = "Long day, finally home" if lets["calm"] else "I want my money back"
        before = len(scene.sends())
        scene.hear(scene.wrote(platform_id, text))
        if len(scene.sends()) > before:
            went.append(lets)
    assert went == [dict.fromkeys(ALLOW, True)]
    (send,) = scene.sends()
    assert (send["by_itself"], send["ai_disclosed"]) == (True, True)
    assert send["text"].count("Written with the help of AI.") == 1


def test_it_waits_for_the_end_of_quiet_hours(scene):
    scene.configure(auto_send=True)
    scene.activate()
    now = datetime.now(UTC)
    begins, ends = (f"{(now + timedelta(hours=by)).hour:02}:00" for by in (-1, 3))
    scene.desk.set_creator(quiet_from=begins, quiet_until=ends, time_zone="UTC")
    scene.drafted()
    (send,) = scene.sends()
    scene.desk.set_send(send["id"], due_at=now)
    refused = scene.desk.grant(scene.desk.claim(), baseline=send["expected_message_id"])
    assert refused.why == "deferred"
    assert scene.desk.row(send["id"])["due_at"] > now + timedelta(minutes=30)


RULE = {
    "name": "r",
    "text": "See above!",
    "condition": {"kind": "intent", "intents": ["small_talk"]},
}


@pytest.mark.parametrize("by_rule", [False, True], ids=["a model", "a rule"])
@pytest.mark.parametrize(
    ("text", "told", "anew"),
    [("I dispute this charge", ["payment_dispute"], 0), ("The first thing", [], 1)],
)
def test_what_is_told_late_is_looked_at_before_anything_goes_out(scene, by_rule, text, told, anew):
    """A platform tells of an older message after a newer one, while a model works at that."""
    scene.configure(auto_send=True)
    scene.activate()
    if by_rule:
        assert scene.ask("POST", "/auto-reply", RULE).status == 201
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Long day, finally home.")
    late = []

    def tell() -> None:
        if not late:
            scene.pass_time(timedelta(minutes=-5))
            late.append(scene.wrote(platform_id, text))
            scene.hear(*late)

    scene.writer.meanwhile = tell
    scene.hear(event)
    assert (scene.drafts(), scene.sends()) == ([], [])
    assert [over["topic"] for over in scene.hand_overs()] == told
    scene.sweep()
    assert len(scene.sends()) == anew
    assert scene.sql("SELECT state FROM reply_tasks") == [("done",)]


@pytest.mark.parametrize("by_itself", [False, True])
def test_caps_are_for_what_nobody_approved(scene, by_itself):
    scene.configure(auto_send=by_itself)
    scene.activate()
    _, draft = scene.drafted()
    if not by_itself:
        assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 200
    scene.desk.had(UUID(draft["fan_id"]), 2)
    send = next(one for one in scene.sends() if one["state"] == "planned")
    scene.desk.set_send(send["id"], due_at=datetime.now(UTC))
    answer = scene.desk.grant(scene.desk.claim(), baseline=send["expected_message_id"])
    assert answer == Refused("skipped", "cap") if by_itself else isinstance(answer, Granted)


@pytest.mark.parametrize(("sees", "status"), [(True, 200), (False, 404)])
def test_who_no_longer_sees_the_creator_decides_nothing(scene, sees, status):
    scene.activate()
    _, draft = scene.drafted()
    creators = [scene.desk.creator_id if sees else new_id()]
    path = f"/drafts/{draft['id']}"
    who = {"role": "chatter", "creators": creators}
    assert len(scene.ask("GET", "/drafts", **who).body["items"]) == sees
    if not sees:
        assert scene.ask("POST", f"{path}/reject", {}, **who).status == 404
        assert scene.ask("POST", f"{path}/edit", {"text": "Mine"}, **who).status == 404
    assert scene.ask("POST", f"{path}/approve", {}, **who).status == status
    assert len(scene.sends()) == sees
