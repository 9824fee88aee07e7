"""What starts an automation's runs: what is new, for whom it is meant, and once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from huntaze.domain import conversations, fans, money
from huntaze.domain.conversations import SeenMessage
from huntaze.domain.fans import ChatRow, FanRow
from huntaze.domain.money.models import TransactionRow
from tests.fakes.automation_scene import HELLO, TAGGED, THANK


@pytest.fixture
def soon() -> Callable[..., str]:
    """A moment from now, as files and pages say it."""
    return lambda **delta: (datetime.now(UTC) + timedelta(**delta)).isoformat()


def wrote(message_id: str, at: datetime | None = None) -> SeenMessage:
    """A message of a fan's, of this moment unless told otherwise."""
    at = at or datetime.now(UTC) + timedelta(seconds=1)
    return SeenMessage(message_id, False, "hello", sent_at=at)


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
        conversations.store(connection, creator, "old", [wrote("m1")])
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
        yesterday = wrote("m1", datetime.now(UTC) - timedelta(days=1))
        conversations.store(connection, scene.desk.creator_id, "p", [yesterday])
    scene.sweep()
    assert [scene.runs(one) for one in made] == [[]] * 4


def test_a_message_is_heard_once_however_often_it_is_dated(scene):
    each = {"kind": "each_time"}
    automation = scene.make({"kind": "message_received"}, HELLO, repeat=each)
    scene.desk.fan(platform_id="p")
    creator, now = scene.desk.creator_id, datetime.now(UTC)
    for seconds in (5, 42):
        moment = now + timedelta(seconds=seconds)
        with scene.desk.app.transaction() as connection:
            listed = ChatRow("p", last_is_own=False, last_at=moment.isoformat())
            fans.record_chats(connection, creator, [listed])
            later = moment + timedelta(seconds=1)
            conversations.store(connection, creator, "p", [wrote("m1", later)])
        scene.sweep()
    assert [run["turn"] for run in scene.runs(automation)] == ["message:m1"]


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


def test_a_date_that_has_gone_by_does_not_come_again_when_the_steps_change(scene, soon):
    trigger = {"kind": "date", "at": soon(hours=1)}
    automation = scene.make(trigger, THANK)
    scene.desk.fan()
    for _ in range(2):
        scene.time_passes()
        scene.sweep()
    (first,) = scene.runs(automation)
    scene.desk.fan()
    scene.sql("UPDATE automations SET enabled_at = %s", soon(hours=-1))
    changed = {"name": "n", "trigger": trigger, "steps": [{**THANK, "tag": "other"}]}
    assert scene.ask("PUT", f"/{automation}", changed).status == 200
    scene.time_passes()
    scene.sweep()
    assert scene.runs(automation) == [first]
    past = {"kind": "date", "at": soon(seconds=-1)}
    refused = scene.ask("PUT", f"/{automation}", {**changed, "trigger": past})
    assert (refused.status, refused.body["error"]) == (409, "AutomationOver")


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


def test_a_trigger_of_another_kind_does_not_look_back(scene):
    automation = scene.make({"kind": "subscription_expiring", "days": 3}, THANK)
    scene.sql("UPDATE automations SET enabled_at = enabled_at - interval '9 days'")
    ((since,),) = scene.sql("SELECT enabled_at FROM automations")
    body = {"name": "n", "steps": [THANK]}
    kept = {**body, "trigger": {"kind": "subscription_expiring", "days": 2}}
    assert scene.ask("PUT", f"/{automation}", kept).status == 200
    assert scene.sql("SELECT enabled_at FROM automations") == [(since,)]
    other = {**body, "trigger": {"kind": "ppv_not_opened", "hours": 24}}
    assert scene.ask("PUT", f"/{automation}", other).status == 200
    ((later,),) = scene.sql("SELECT enabled_at FROM automations")
    assert later > since


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
