"""Automations from what happens to what is done, through their door and the sweep."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from psycopg import sql

from functions.automations.api import handler as door
from functions.automations.sweep import handler as sweep
from huntaze.db import Connection
from huntaze.domain import conversations, erasure, fans, money
from huntaze.domain.conversations import SeenMessage
from huntaze.domain.fans import ChatRow, FanRow
from huntaze.domain.money.models import TransactionRow
from huntaze.ids import new_id
from tests.fakes.automation_scene import AutomationScene

TAGGED = {"kind": "tag_added", "tag": "vip"}
HELLO = {"id": "hello", "kind": "send_message", "text": "Hello {display_name|there}"}
THANK = {"id": "thank", "kind": "add_tag", "tag": "thanked"}


@pytest.fixture
def scene(record_aws, open_desk, ask_door) -> AutomationScene:
    """A creator whose lane is open."""
    record_aws(door, sweep)
    return AutomationScene(open_desk(), ask_door)


def everything(master: Connection) -> dict[str, str]:
    """What is in every table of the database."""
    tables = master.execute(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'r'"
        " AND c.relnamespace = 'public'::regnamespace"
    ).fetchall()
    whole = "SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {} t"
    found = {}
    for (table,) in tables:
        query = sql.SQL(whole).format(sql.Identifier(table))
        found[table] = master.execute(query).fetchone()[0]
    return found


@pytest.fixture
def soon() -> Callable[..., str]:
    """A moment from now, as files and pages say it."""
    return lambda **delta: (datetime.now(UTC) + timedelta(**delta)).isoformat()


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


def test_what_happened_before_it_was_enabled_starts_nothing(scene):
    fan = scene.desk.fan()
    scene.tag(fan)
    automation = scene.make(TAGGED, THANK)
    scene.sweep()
    assert scene.runs(automation) == []


def test_nobody_listening_means_nothing_is_noted(scene):
    fan = scene.desk.fan()
    scene.tag(fan)
    assert scene.sql("SELECT count(*) FROM happenings") == [(0,)]


def test_each_trigger_hears_of_what_syncs_and_imports_write(scene, soon):
    triggers = {
        "subscribed": {"kind": "new_subscriber"},
        "expired": {"kind": "subscription_expired"},
        "rebill": {"kind": "rebill_off"},
        "online": {"kind": "came_online"},
        "wrote": {"kind": "message_received"},
        "opened": {"kind": "ppv_opened"},
        "tipped": {"kind": "tip", "min_cents": 500},
        "rich": {"kind": "spend_reached", "cents": 2000},
        "tagged": TAGGED,
    }
    made = {
        name: scene.make(trigger, {**THANK, "tag": f"t-{name}"})
        for name, trigger in triggers.items()
    }
    creator = scene.desk.creator_id
    with scene.desk.app.transaction() as connection:
        active = {"status": "active", "rebill_on": True}
        old = {**active, "subscribed_at": soon(days=-90)}
        fans.upsert(connection, creator, [FanRow(0, "old", "old", **old)])
    with scene.desk.worker.transaction() as connection:
        new = {"status": "active", "subscribed_at": soon(seconds=1)}
        fans.upsert(
            connection, creator, [FanRow(0, "new", "new", **new)], values=fans.PLATFORM_VALUES
        )
        fans.record_chats(
            connection, creator, [ChatRow("old", last_is_own=False, last_at=soon(seconds=1))]
        )
        paid = {"currency": "USD", "created_at": soon(seconds=1)}
        money.record(
            connection,
            creator,
            [
                TransactionRow(0, "t1", "old", "tip", 499, 0, 499, **paid),
                TransactionRow(1, "t2", "old", "tip", 500, 0, 500, **paid),
                TransactionRow(2, "t3", "old", "message", 1500, 0, 1500, **paid),
            ],
        )
    with scene.desk.app.transaction() as connection:
        online = {"last_seen_at": soon(seconds=1), "rebill_on": False, "tags": ["vip"]}
        fans.upsert(connection, creator, [FanRow(0, "old", "old", **online)])
        fans.upsert(connection, creator, [FanRow(0, "old", "old", status="expired")])
    scene.sweep()
    handles = dict(scene.sql("SELECT id::text, handle FROM fans"))
    heard = {
        name: [handles[run["fan_id"]] for run in scene.runs(automation)]
        for name, automation in made.items()
    }
    assert heard == {name: ["new" if name == "subscribed" else "old"] for name in triggers}


def test_history_that_is_imported_starts_nothing(scene, soon):
    made = [
        scene.make({"kind": kind}, {**THANK, "tag": kind})
        for kind in ("new_subscriber", "tip", "message_received", "came_online")
    ]
    with scene.desk.app.transaction() as connection:
        old = {"subscribed_at": soon(days=-9), "last_seen_at": soon(days=-1)}
        row = FanRow(0, "p", "p", status="active", **old)
        fans.upsert(connection, scene.desk.creator_id, [row])
        paid = {"currency": "USD", "created_at": soon(days=-1)}
        tip = TransactionRow(0, "t1", "p", "tip", 500, 0, 500, **paid)
        money.record(connection, scene.desk.creator_id, [tip])
        chat = ChatRow("p", last_is_own=False, last_at=soon(days=-1))
        fans.record_chats(connection, scene.desk.creator_id, [chat])
    scene.sweep()
    assert [scene.runs(one) for one in made] == [[]] * 4


def test_what_a_file_does_not_date_starts_nothing(scene):
    made = [
        scene.make({"kind": "new_subscriber"}, {**THANK, "tag": "new_subscriber"}),
        scene.make({"kind": "tip"}, {**THANK, "tag": "tip"}),
        scene.make({"kind": "spend_reached", "cents": 100}, {**THANK, "tag": "rich"}),
        scene.make(TAGGED, THANK),
    ]
    creator = scene.desk.creator_id
    known = scene.desk.fan(platform_id="known", status="follower")
    with scene.desk.app.transaction() as connection:
        active = {"status": "active", "tags": ["vip", "other"]}
        rows = [FanRow(0, "known", "known", status="active"), FanRow(1, "new", "new", **active)]
        fans.upsert(connection, creator, rows)
        tip = TransactionRow(0, "t1", "new", "tip", 500, 0, 500, currency="USD", created_at=None)
        money.record(connection, creator, [tip])
    assert scene.sql("SELECT kind, facts FROM happenings") == []
    # A tag that the file gives to whom the workspace knew, and one that a person gives, are new.
    with scene.desk.app.transaction() as connection:
        fans.upsert(connection, creator, [FanRow(0, "known", "known", tags=["vip", "other"])])
    scene.tag(scene.desk.fan())
    scene.sweep()
    assert [len(scene.runs(one)) for one in made] == [0, 0, 0, 2]
    assert "thanked" in scene.tags(known)


def test_a_list_of_the_platform_tells_who_subscribes_now_though_it_has_no_date(scene):
    made = scene.make({"kind": "new_subscriber"}, THANK)
    scene.desk.fan(platform_id="known", status="follower")
    with scene.desk.worker.transaction() as connection:
        row = FanRow(0, "known", "known", status="active")
        fans.upsert(connection, scene.desk.creator_id, [row], values=fans.PLATFORM_VALUES)
    scene.sweep()
    assert len(scene.runs(made)) == 1


def test_the_clock_starts_what_expires(scene, soon):
    ending = scene.make({"kind": "subscription_expiring", "days": 3}, THANK)
    ended = scene.make({"kind": "subscription_expired"}, {**THANK, "tag": "gone"})
    fan = scene.desk.fan(expires_at=soon(days=2))
    scene.desk.fan(expires_at=soon(days=4))
    scene.sweep()
    scene.time_passes()
    scene.sweep()
    assert [run["fan_id"] for run in scene.runs(ending)] == [str(fan)]
    # A platform tells of it, or nobody rebills.
    quiet = scene.desk.fan(expires_at=soon(seconds=0), rebill_on=False)
    scene.desk.fan(expires_at=soon(seconds=0), rebill_on=True)
    for _ in range(2):
        scene.time_passes()
        scene.sweep()
    scene.desk.set_fan(quiet, status="expired")
    scene.sweep()
    assert [run["fan_id"] for run in scene.runs(ended)] == [str(quiet)]


def test_a_date_is_for_the_audience_page_by_page(scene, soon, monkeypatch):
    monkeypatch.setattr("functions.automations.running.AT_ONCE", 2)
    vips = {"kind": "tags", "match": "any", "tags": ["vip"]}
    wanted = [scene.desk.fan() for _ in range(5)]
    for fan in wanted:
        scene.tag(fan)
    scene.desk.fan()
    automation = scene.make({"kind": "date", "at": soon(hours=1)}, THANK, audience=vips)
    scene.sweep()
    assert scene.runs(automation) == []
    for _ in range(2):
        scene.time_passes()
        scene.sweep()
    assert {run["fan_id"] for run in scene.runs(automation)} == {str(fan) for fan in wanted}
    assert scene.sql("SELECT look_at FROM automations") == [(None,)]


def test_a_date_that_is_over_is_not_enabled(scene, soon):
    body = {"name": "n", "trigger": {"kind": "date", "at": soon(hours=-1)}, "steps": [THANK]}
    made = scene.ask("POST", "", body).body
    assert scene.ask("POST", f"/{made['id']}/enable").body["error"] == "AutomationOver"


def test_an_unopened_offer_is_told_once_the_earnings_are_read(scene):
    desk = scene.desk
    again = {**HELLO, "price_cents": 900, "media_ids": [str(desk.medium())]}
    automation = scene.make({"kind": "ppv_not_opened", "hours": 2}, again)
    then = datetime.now(UTC) - timedelta(hours=3)
    scene.sql("UPDATE automations SET enabled_at = %s", then - timedelta(days=1))
    offer = {"state": "sent", "price_cents": 500, "granted_at": then, "settled_at": then}
    offer |= {"submit_until": then, "readable_at": then + timedelta(seconds=1)}
    closed, opened = desk.fan(), desk.fan(platform_id="payer")
    for fan in (closed, opened):
        desk.send(fan, **offer)
    scene.sweep()
    assert scene.runs(automation) == []
    # Nobody has read the payments: the sweep asks for them.
    assert scene.sql("SELECT kind, state FROM creator_commands") == [("sync_earnings", "waiting")]
    with desk.app.transaction() as connection:
        paid = {"currency": "USD", "created_at": then.isoformat()}
        row = TransactionRow(0, "t1", "payer", "message", 500, 0, 500, **paid)
        money.record(connection, desk.creator_id, [row])
    scene.sql("UPDATE creator_commands SET state = 'done'")
    for _ in range(2):
        scene.time_passes()
        scene.sweep()
    assert [run["fan_id"] for run in scene.runs(automation)] == [str(closed)]


def test_an_offer_is_opened_by_the_payment_that_names_it(scene):
    desk = scene.desk
    each = {"kind": "each_time"}
    automation = scene.make({"kind": "ppv_not_opened", "hours": 2}, THANK, repeat=each)
    then = datetime.now(UTC) - timedelta(hours=3)
    scene.sql("UPDATE automations SET enabled_at = %s", then - timedelta(days=1))
    offer = {"state": "sent", "price_cents": 500, "granted_at": then, "settled_at": then}
    offer |= {"submit_until": then, "readable_at": then + timedelta(seconds=1)}
    payer, seen = desk.fan(platform_id="payer"), desk.fan(platform_id="seen")
    desk.send(payer, **offer, platform_message_id="paid")
    closed = desk.send(payer, **offer, platform_message_id="closed")
    desk.send(seen, **offer, platform_message_id="unlocked")
    with desk.app.transaction() as connection:
        # For the first of two at the same price; of another, its thread shows that it is unlocked.
        paid = {"currency": "USD", "created_at": then.isoformat(), "message_id": "paid"}
        row = TransactionRow(0, "t1", "payer", "message", 500, 0, 500, **paid)
        money.record(connection, desk.creator_id, [row])
        unlocked = SeenMessage("unlocked", True, "look", then, 500, paid=True)
        conversations.store(connection, desk.creator_id, "seen", [unlocked])
    desk.order_done("sync_earnings", ago=timedelta(0))
    scene.time_passes()
    scene.sweep()
    assert [run["turn"] for run in scene.runs(automation)] == [f"ppv:{closed}"]


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


def test_a_rehearsal_tells_everything_and_does_nothing(scene, as_role):
    desk = scene.desk
    with desk.app.transaction() as connection:
        kept = fans.lists.create_list(connection, desk.creator_id, "Kept")
    ways = [
        HELLO,
        {"id": "pause", "kind": "wait", "minutes": 60},
        THANK,
        {"id": "untag", "kind": "remove_tag", "tag": "vip"},
        {"id": "keep", "kind": "add_to_list", "list_id": str(kept.id)},
        {"id": "care", "kind": "assign", "member_id": str(desk.user_id)},
        {"id": "tell", "kind": "notify"},
        {"id": "start", "kind": "start_campaign", "campaign_id": str(desk.campaign("draft"))},
    ]
    straight = [{**step, "next": after["id"]} for step, after in pairwise(ways)] + ways[-1:]
    scene.make({"kind": "tag_added", "tag": "thanked"}, {**HELLO, "id": "other"})
    vips = {"kind": "tags", "match": "any", "tags": ["vip"]}
    automation = scene.make(TAGGED, *straight, audience=vips)
    fan = desk.fan(display_name="Ann")
    before = everything(as_role("master"))
    told = scene.ask("POST", f"/{automation}/test", {"fan_id": str(fan)}).body
    assert (told["in_audience"], told["had_run"], told["status"]) == (False, False, "completed")
    reasons = [step["reason"] for step in told["steps"]]
    assert reasons[0] == "would send: Hello Ann"
    assert reasons[2:] == [
        "would add the tag thanked",
        "there is nothing to do: the fan had no such tag",
        "would put the fan on the list Kept",
        "would assign the fan",
        "members would be told",
        "the campaign would be launched",
    ]
    after = everything(as_role("master"))
    assert after == before


def test_what_a_rehearsal_would_change_its_later_steps_find_so(scene):
    thanked = {"kind": "tags", "match": "any", "tags": ["thanked"]}
    split = {"id": "split", "kind": "condition", "rules": thanked, "then": "hello"}
    automation = scene.make(TAGGED, {**THANK, "next": "split"}, split, HELLO)
    fan = scene.desk.fan()
    told = scene.ask("POST", f"/{automation}/test", {"fan_id": str(fan)}).body
    outcomes = [(step["step"], step["outcome"]) for step in told["steps"]]
    assert outcomes == [("thank", "done"), ("split", "yes"), ("hello", "done")]
    scene.tag(fan)
    scene.sweep()
    assert scene.taken(automation) == [outcomes]


def test_loops_are_refused_with_their_path(scene):
    scene.make({"kind": "tag_added", "tag": "a"}, {**THANK, "tag": "b"}, name="First")
    body = {"name": "Second", "trigger": {"kind": "tag_added", "tag": "b"}}
    refused = scene.ask("POST", "", {**body, "steps": [{**THANK, "tag": "a"}]})
    assert (refused.status, refused.body["error"]) == (422, "AutomationLoop")
    assert refused.body["detail"].count("Second") == 2
    assert "First" in refused.body["detail"]
    round_ = [{**THANK, "id": "x", "next": "y"}, {**THANK, "id": "y", "next": "x"}]
    refused = scene.ask("POST", "", {**body, "steps": round_})
    assert (refused.status, refused.body["fields"]) == (422, {"steps": "x → y → x"})


def test_what_it_names_must_be_there(scene):
    wrong = [
        ({"id": "s", "kind": "add_to_list", "list_id": str(new_id())}, 404),
        ({"id": "s", "kind": "assign", "member_id": str(new_id())}, 422),
        ({"id": "s", "kind": "start_campaign", "campaign_id": str(new_id())}, 404),
        ({**HELLO, "media_ids": [str(new_id())], "price_cents": 500}, 422),
        ({**HELLO, "text": "Hello {unknown|x}"}, 422),
        ({**HELLO, "next": "nowhere"}, 422),
    ]
    body = {"name": "n", "trigger": TAGGED}
    found = [scene.ask("POST", "", {**body, "steps": [step]}).status for step, _ in wrong]
    assert found == [status for _, status in wrong]


def test_what_is_another_creators_is_not_there(scene, as_role):
    desk, other = scene.desk, new_id()
    as_role("master").execute(
        "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
        " SELECT workspace_id, %s, platform, 'other', 'Other' FROM creators WHERE id = %s",
        (other, desk.creator_id),
    )
    with desk.app.transaction() as connection:
        theirs = fans.lists.create_list(connection, other, "Theirs")
    campaign, medium = desk.campaign("draft", creator_id=other), desk.medium(creator_id=other)
    wrong = [
        ({"id": "s", "kind": "add_to_list", "list_id": str(theirs.id)}, 404),
        ({"id": "s", "kind": "remove_from_list", "list_id": str(theirs.id)}, 404),
        ({"id": "s", "kind": "start_campaign", "campaign_id": str(campaign)}, 404),
        ({**HELLO, "media_ids": [str(medium)], "price_cents": 500}, 422),
    ]
    body = {"name": "n", "trigger": TAGGED, "creator_id": str(desk.creator_id)}
    found = [scene.ask("POST", "", {**body, "steps": [step]}).status for step, _ in wrong]
    assert found == [status for _, status in wrong]
    made = scene.ask("POST", "", {**body, "steps": [THANK]}).body["id"]
    fan = desk.fan(creator_id=other)
    assert scene.ask("POST", f"/{made}/test", {"fan_id": str(fan)}).status == 404


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
