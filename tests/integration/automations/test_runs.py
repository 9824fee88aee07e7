"""What an automation's run does, step by step, and what ends it."""

from huntaze.domain import erasure
from tests.fakes.automation_scene import HELLO, TAGGED, THANK


def test_a_happening_starts_a_run_that_takes_every_step_and_says_why(scene):
    pause = {"id": "pause", "kind": "wait", "minutes": 60, "next": "asked"}
    rules = {"kind": "tags", "match": "any", "tags": ["vip"]}
    asked = {"id": "asked", "kind": "condition", "rules": rules, "then": "thank"}
    automation = scene.make(TAGGED, {**HELLO, "next": "pause"}, pause, asked, THANK)
    fan = scene.desk.fan(display_name="Ann")
    scene.tag(fan)
    scene.sweep()
    (run,) = scene.runs(automation)
    assert (run["status"], run["step"], run["fan_id"]) == ("waiting", "asked", str(fan))
    hello, waits = run["steps"]
    assert (hello["outcome"], hello["send_state"]) == ("done", "planned")
    assert waits["reason"].startswith("until ")
    assert scene.sends() == [(fan, "Hello Ann", "planned", 2)]
    scene.sweep()
    assert len(scene.runs(automation)[0]["steps"]) == 2
    scene.time_passes()
    scene.sweep()
    (run,) = scene.runs(automation)
    assert run["status"] == "completed"
    assert [step["reason"] for step in run["steps"][2:]] == ["the fan fulfils the rules", "changed"]
    assert scene.tags(fan) == {"vip", "thanked"}


def test_disabling_stops_runs_and_cancels_what_was_planned(scene):
    pause = {"id": "pause", "kind": "wait", "minutes": 60, "next": "thank"}
    automation = scene.make(TAGGED, {**HELLO, "next": "pause"}, pause, THANK)
    fan = scene.desk.fan()
    scene.tag(fan)
    scene.sweep()
    assert scene.ask("POST", f"/{automation}/disable").body["enabled_at"] is None
    scene.time_passes()
    scene.sweep()
    (run,) = scene.runs(automation)
    assert (run["status"], run["reason"]) == ("stopped", "the automation was disabled")
    assert [state for _, _, state, _ in scene.sends()] == ["cancelled"]
    assert scene.tags(fan) == {"vip"}


def test_a_run_keeps_the_version_that_it_began_with(scene):
    pause = {"id": "pause", "kind": "wait", "minutes": 60, "next": "thank"}
    automation = scene.make(TAGGED, pause, THANK)
    fan, other = scene.desk.fan(), scene.desk.fan()
    scene.tag(fan)
    scene.sweep()
    body = {"name": "Rule", "trigger": TAGGED, "steps": [{**THANK, "tag": "new"}]}
    changed = scene.ask("PUT", f"/{automation}", body).body
    assert changed["version"] == 2
    assert scene.ask("PUT", f"/{automation}", {**body, "name": "B"}).body["version"] == 2
    scene.tag(other)
    scene.time_passes()
    scene.sweep()
    assert (scene.tags(fan), scene.tags(other)) == ({"vip", "thanked"}, {"vip", "new"})


def test_every_action_on_a_fan(scene):
    desk = scene.desk
    listed = scene.sql(
        "INSERT INTO fan_lists (workspace_id, creator_id, name) VALUES (%s, %s, 'l') RETURNING id",
        desk.workspace_id,
        desk.creator_id,
    )[0][0]
    steps = [
        {"id": "put", "kind": "add_to_list", "list_id": str(listed), "next": "untag"},
        {"id": "untag", "kind": "remove_tag", "tag": "vip", "next": "again"},
        {"id": "again", "kind": "remove_tag", "tag": "vip", "next": "assign"},
        {"id": "assign", "kind": "assign", "member_id": str(desk.user_id), "next": "tell"},
        {"id": "tell", "kind": "notify", "next": "off"},
        {"id": "off", "kind": "remove_from_list", "list_id": str(listed)},
    ]
    automation = scene.make(TAGGED, *steps)
    fan = desk.fan()
    scene.tag(fan)
    scene.sweep()
    outcomes = ("done", "done", "nothing", "done", "done", "done")
    assert scene.taken(automation) == [
        [(step["id"], outcome) for step, outcome in zip(steps, outcomes, strict=True)]
    ]
    assert scene.sql("SELECT assigned_to FROM fans") == [(desk.user_id,)]
    events = scene.sql("SELECT event_type, aggregate_id::text FROM events_outbox")
    assert ("automation.notified", automation) in events


def test_a_step_that_is_refused_ends_the_run_and_leaves_nothing(scene):
    media = scene.desk.medium()
    offer = {**HELLO, "price_cents": 500, "media_ids": [str(media)], "next": "thank"}
    automation = scene.make(TAGGED, offer, THANK)
    scene.sql("UPDATE media SET retired_at = now()")
    fan = scene.desk.fan()
    scene.tag(fan)
    scene.sweep()
    (run,) = scene.runs(automation)
    assert (run["status"], scene.taken(automation)) == ("failed", [[("hello", "failed")]])
    assert "media" in run["reason"]
    assert (scene.sends(), scene.tags(fan)) == ([], {"vip"})


def test_a_forgotten_fan_leaves_no_run(scene):
    automation = scene.make(TAGGED, THANK)
    fan = scene.desk.fan()
    scene.tag(fan)
    scene.sweep()
    scene.tag(fan, "other")
    with scene.desk.app.transaction() as connection:
        erasure.erase_fan(connection, scene.desk.workspace_id, fan, by=scene.desk.user_id)
    scene.sweep()
    assert scene.runs(automation) == []
