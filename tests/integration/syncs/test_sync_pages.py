"""Syncs through a real browser, platform and database: what is read is what is stored."""

from datetime import UTC, datetime
from typing import Any

import pytest

from browser_worker.lane import Ending
from huntaze.domain.outbound import syncs
from local.fan_platform.money import Ledger
from tests.fakes.sync_scene import ALL, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_subscribers_are_stored_and_handmade_fans_are_linked(many: Scene) -> None:
    desk = many.desk
    unmatched = desk.fan(platform_id=None, handle="FAN101")
    private = desk.fan(platform_id="102", handle="old", consent=False, notes="hi", status="expired")
    vanished = desk.fan(platform_id="9")
    desk.suppress(private)
    many.request("sync_subscribers")
    assert await many.drain() == Ending.DRAINED
    fans = many.fans()
    assert len(fans) == 251
    assert fans["101"]["id"] == unmatched
    assert fans["9"]["id"] == vanished
    known = fans["102"]
    assert (known["id"], known["handle"], known["status"]) == (private, "fan102", "active")
    assert (known["consent"], known["notes"], known["price_cents"]) == (False, "hi", 999)
    assert many.suppressed() == [("102", "stop_word")]
    (order,) = many.orders()
    assert order["state"] == "done"
    assert order["result"] == {"pages": 3, "rows": 250, "rejected": 0}
    assert desk.events("sync.completed") == [{"kind": "sync_subscribers", "rows": 250}]


async def test_a_second_sync_changes_nothing(many: Scene) -> None:
    many.platform.write_as_fan(many.name, "103", "hello")
    first: list[dict[str, Any]] = []
    for _ in range(2):
        many.request(*syncs.SYNCS)
        await many.drain()
        now = many.desk.rows(ALL, many.desk.creator_id)
        assert first in ([], now)
        first = now
    assert [order["state"] for order in many.orders()] == ["done"] * 6


async def test_a_fan_who_says_stop_is_written_to_no_more(many: Scene) -> None:
    many.platform.write_as_fan(many.name, "103", " STOP! ")
    many.platform.write_as_fan(many.name, "104", "please don't stop")
    many.platform.write_as_fan(many.name, "105", "stop")
    many.platform.write_as_fan(many.name, "105", "...kidding")
    known = many.desk.fan(platform_id="103")
    many.request("sync_threads")
    await many.drain()
    # Once the thread is read, so is a word that another followed.
    assert many.suppressed() == [("103", "stop_word"), ("105", "stop_word")]
    fans = many.fans()
    assert set(fans) == {"103", "104", "105"}
    assert fans["103"]["id"] == known
    assert (fans["104"]["handle"], fans["104"]["last_inbound_at"] is not None) == ("fan104", True)
    send_id = many.desk.send(known)
    await many.drain()
    row = many.desk.row(send_id)
    assert (row["state"], row["reason"]) == ("skipped", "suppressed")
    # A person may lift it: the same message does not silence the fan again, a new one does.
    with many.desk.app.transaction() as connection:
        connection.execute("DELETE FROM suppressions")
    many.request("sync_threads")
    await many.drain()
    assert many.suppressed() == []
    many.platform.write_as_fan(many.name, "103", "stop")
    many.request("sync_threads")
    await many.drain()
    assert many.suppressed() == [("103", "stop_word")]


async def test_what_arrives_late_overwrites_nothing_newer(many: Scene) -> None:
    many.platform.write_as_fan(many.name, "103", "stop")
    fan_id = many.desk.fan(
        platform_id="103", last_inbound_at="2100-01-01Z", last_outbound_at="2100-01-02Z"
    )
    many.request("sync_threads")
    await many.drain()
    row = many.desk.row(fan_id, "fans")
    assert (row["last_inbound_at"].year, row["last_outbound_at"].year) == (2100, 2100)
    # A word that nobody has read before counts, however late it is read.
    assert many.suppressed() == [("103", "stop_word")]


async def test_earnings_are_the_platforms_to_the_cent(scene: Scene, books: Ledger) -> None:
    scene.platform.seed_fans(scene.name, 120, seed=5)
    paid = scene.platform.transactions(scene.name)[-1]
    for _ in range(2):
        # The first reversal takes back the whole payment; the other one finds nothing more.
        books.book(
            scene.name,
            paid["fan"],
            "chargeback",
            -paid["amount_cents"],
            datetime.now(UTC),
            reverses=paid["id"],
        )
        scene.request("sync_earnings")
        await scene.drain()
        truth = scene.platform.transactions(scene.name)
        stored = scene.desk.rows(
            "SELECT transaction_id, reverses, effective_cents FROM transactions"
            " WHERE creator_id = %s",
            scene.desk.creator_id,
        )
        assert {row["transaction_id"] for row in stored} == {one["id"] for one in truth}
        assert len(stored) == len(truth) > 100
        net = sum(one["net_cents"] for one in truth if not one["reverses"]) - paid["net_cents"]
        assert sum(row["effective_cents"] for row in stored) == net
        assert sum(fan["value_cents"] for fan in scene.fans().values()) == net
        assert {row["reverses"] for row in stored} == {None, paid["id"]}


async def test_five_hundred_fans_are_six_pages(scene: Scene) -> None:
    fans = [{"platform_id": f"{n:04}", "handle": f"fan{n}"} for n in range(520)]
    scene.platform.add_fans(scene.name, fans)
    for _ in range(2):
        scene.request(*syncs.SYNCS)
        await scene.drain()
    assert len(scene.fans()) == 520
    assert (
        scene.happened
        == [
            *(f"sync_subscribers {page}" for page in range(6)),
            *("sync_earnings 0", "sync_threads 0"),
        ]
        * 2
    )
