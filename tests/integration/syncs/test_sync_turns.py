"""A lane reads pages between its sends, and nothing that gets in the way is done twice."""

from itertools import count

import pytest

from browser_worker.lane import Ending
from huntaze import clients
from huntaze.domain.outbound import commands, lanes, syncs
from tests.fakes.sync_scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_send_that_is_due_goes_before_the_next_page(many: Scene) -> None:
    fan_id = many.desk.fan(platform_id="100", handle="fan100")

    def reply_once() -> None:
        many.on_page = lambda: None
        many.desk.send(fan_id)

    many.on_page = reply_once
    many.request("sync_subscribers")
    await many.drain()
    assert many.happened == [
        "sync_subscribers 0",
        "sent",
        "sync_subscribers 1",
        "sync_subscribers 2",
    ]


async def test_pages_fill_the_wait_for_a_slot(many: Scene) -> None:
    many.desk.set_lane(min_gap_ms=2000)
    fan_id = many.desk.fan(platform_id="100", handle="fan100")
    campaign_id = many.desk.campaign()
    many.desk.send(fan_id, campaign_id=campaign_id)
    many.desk.send(many.desk.fan(platform_id="101", handle="fan101"), campaign_id=campaign_id)
    many.request("sync_subscribers")
    await many.drain()
    assert many.happened[0] == many.happened[-1] == "sent"
    assert many.happened[1:-1] == [f"sync_subscribers {page}" for page in range(3)]


async def test_a_long_campaign_does_not_keep_a_sync_for_ever(
    many: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser_worker.lane.SYNC_PATIENCE_SECONDS", 0)
    campaign_id = many.desk.campaign()
    many.desk.send(many.desk.fan(platform_id="100", handle="fan100"), campaign_id=campaign_id)
    many.request("sync_subscribers")
    await many.drain()
    assert many.happened[0] == "sync_subscribers 0"
    assert "sent" in many.happened


async def test_a_crash_repeats_one_page_at_most(many: Scene) -> None:
    read = count()

    def die_at_the_second() -> None:
        if next(read) == 1:
            raise ZeroDivisionError

    many.on_page = die_at_the_second
    many.request("sync_subscribers")
    with pytest.raises(ZeroDivisionError):
        await many.drain()
    (order,) = many.orders()
    assert (order["state"], order["result"]["pages"]) == ("waiting", 1)
    assert order["payload"]["cursor"] == "/subscribers?after=199"
    assert len(many.fans()) == 100
    await many.drain()
    assert next(read) == 4
    assert many.happened == [f"sync_subscribers {page}" for page in range(3)]
    assert many.orders()[0]["result"] == {"pages": 3, "rows": 250, "rejected": 0}
    assert len(many.fans()) == 250


async def test_a_sync_that_was_called_back_stores_nothing_more(many: Scene) -> None:
    def call_back() -> None:
        with many.desk.app.transaction() as connection:
            commands.withdraw(connection, many.desk.creator_id, why="disconnected")

    many.on_page = call_back
    many.request("sync_subscribers")
    await many.drain()
    (order,) = many.orders()
    assert (order["state"], order["result"]) == ("failed", {"detail": "disconnected"})
    assert many.fans() == {}


async def test_an_expired_session_stops_the_creator_and_the_sync_goes_on_later(
    many: Scene,
) -> None:
    def expire() -> None:
        many.on_page = lambda: None
        many.platform.set_faults(many.name, session_expiry_after=0)

    many.on_page = expire
    many.request("sync_subscribers")
    assert await many.drain() == Ending.STOPPED
    (order,) = many.orders()
    assert (order["state"], order["result"]["pages"]) == ("waiting", 1)
    assert many.desk.lane()["stop_reason"] == "session_expired"
    assert await many.drain() == Ending.STOPPED
    many.platform.clear_faults()
    await many.log_in()
    with many.desk.app.transaction() as connection:
        lanes.activate(connection, many.desk.creator_id)
    assert await many.drain() == Ending.DRAINED
    assert many.orders()[0]["result"] == {"pages": 3, "rows": 250, "rejected": 0}
    assert many.desk.events("creator.connected") == [{"platform": "fan_platform"}]


async def test_a_list_that_has_changed_is_given_up_and_stops_no_sends(many: Scene) -> None:
    listings = many.profile.listings
    changed = listings.subscribers.model_copy(update={"list": "#somewhere-else"})
    many.profile = many.profile.model_copy(
        update={
            "listings": listings.model_copy(update={"subscribers": changed}),
            "settle_seconds": 0.1,
        }
    )
    many.request("sync_subscribers")
    for failures in range(1, syncs.MAX_PAGE_FAILURES):
        assert await many.drain() == Ending.DRAINED
        (order,) = many.orders()
        assert (order["state"], order["payload"]["failures"]) == ("waiting", failures)
        assert order["result"]["trouble"] == "selector_drift"
        with many.desk.app.transaction() as connection:
            connection.execute("UPDATE creator_commands SET due_at = clock_timestamp()")
    many.request("sync_threads")
    await many.drain()
    assert [(order["state"], order["result"].get("trouble")) for order in many.orders()] == [
        ("failed", "selector_drift"),
        ("done", None),
    ]
    assert many.desk.lane()["status"] == "active"


async def test_a_login_is_followed_by_every_sync_once(
    many: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"username": many.name, "password": many.name}
    monkeypatch.setattr(clients, "secret_json", lambda _: secret)
    many.desk.set_lane(status="stopped", stop_reason="not_connected")
    many.request("connect", "connect")
    assert await many.drain() == Ending.DRAINED
    kinds = [(order["kind"], order["state"]) for order in many.orders()]
    assert kinds[:2] == [("connect", "done")] * 2
    assert kinds[2:] == [(kind, "done") for kind in syncs.SYNCS]
    assert many.desk.events("creator.connected") == [{"platform": "fan_platform"}]
    assert len(many.desk.events("sync.completed")) == 3


async def test_a_login_that_was_called_back_leaves_nothing(
    many: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disconnect(_secret_id: str) -> dict[str, str]:
        with many.desk.app.transaction() as connection:
            commands.withdraw(connection, many.desk.creator_id, why="disconnected")
        return {"username": many.name, "password": many.name}

    monkeypatch.setattr(clients, "secret_json", disconnect)
    many.desk.set_lane(status="stopped", stop_reason="disconnected")
    many.request("connect")
    assert await many.drain() == Ending.STOPPED
    assert many.sessions.states == {}
    assert [order["state"] for order in many.orders()] == ["failed"]
    assert many.desk.lane()["stop_reason"] == "disconnected"
