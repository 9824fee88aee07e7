"""Syncs through a real browser, platform and database: a lane reads pages between its sends."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from browser_worker.chromium import launch
from browser_worker.lane import Ending, Lane, Workbench
from browser_worker.ledger import LaneLedger
from browser_worker.profile import load_profile
from browser_worker.site import Credentials, Site
from browser_worker.steps import nobody
from huntaze import clients
from huntaze.db import Connection, SingleConnection
from huntaze.domain.outbound import commands, lanes, syncs
from huntaze.ids import new_id
from local.fan_platform.client import FanPlatform, running_platform
from local.fan_platform.money import Ledger
from local.fan_platform.store import Store
from local.processes import free_port
from tests.fakes.creator_desk import LEASE, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALL = "SELECT * FROM fans WHERE creator_id = %s ORDER BY platform_id, id"
numbers = count()


class Sessions:
    """Storage states in memory."""

    def __init__(self) -> None:
        self.states: dict[UUID, dict[str, Any]] = {}

    def load(self, _workspace_id: UUID, creator_id: UUID) -> dict[str, Any] | None:
        """Return what was kept."""
        return self.states.get(creator_id)

    def save(self, _workspace_id: UUID, creator_id: UUID, state: dict[str, Any]) -> None:
        """Keep a state."""
        self.states[creator_id] = state

    def renew(self, workspace_id: UUID, creator_id: UUID, state: dict[str, Any]) -> bool:
        """Keep the state of a browser that was open."""
        self.save(workspace_id, creator_id, state)
        return True

    def forget(self, creator_id: UUID) -> None:
        """Keep nothing."""
        self.states.pop(creator_id, None)


class Watched(LaneLedger):
    """A ledger that tells what the lane does, and can die before it stores a page."""

    def __init__(self, *arguments: Any, happened: list[str], on_page: Callable[[], None]) -> None:
        super().__init__(*arguments)
        self._happened = happened
        self._on_page = on_page

    async def store_page(self, sync: Any, *arguments: Any, **named: Any) -> None:
        """Store a page, if the test lets it."""
        self._on_page()
        await super().store_page(sync, *arguments, **named)
        self._happened.append(f"{sync.kind} {sync.pages}")

    async def confirm(self, send_id: UUID, platform_message_id: str) -> bool:
        """Confirm a message."""
        self._happened.append("sent")
        return await super().confirm(send_id, platform_message_id)


class Scene:
    """One creator on the platform and in the database."""

    def __init__(
        self,
        desk: Desk,
        name: str,
        platform: FanPlatform,
        browser: Browser,
        connect: Callable[[], Connection],
    ) -> None:
        self.desk = desk
        self.name = name
        self.platform = platform
        self.happened: list[str] = []
        self.on_page: Callable[[], None] = lambda: None
        self.profile = load_profile("fan_platform", base_url=platform.url)
        self.sessions = Sessions()
        self._bench = Workbench(
            browser=browser,
            sessions=self.sessions,  # type: ignore[arg-type]
            load_profile=lambda _: self.profile,
            observe=nobody,
            leaving=lambda: False,
            hand_over_seconds=60,
        )
        # The lane works in threads of its own, while the test looks on.
        self._source = SingleConnection(connect)

    async def log_in(self) -> None:
        """Keep a fresh session, as a login does."""
        site = await Site.open(self._bench.browser, self.profile)
        await site.login(Credentials(self.name, self.name))
        state = await site.storage_state()
        self.sessions.save(self.desk.workspace_id, self.desk.creator_id, state)
        await site.close()

    def request(self, *kinds: str) -> None:
        """Order syncs, or a login."""
        with self.desk.app.transaction() as connection:
            for kind in kinds:
                commands.request(
                    connection,
                    workspace_id=self.desk.workspace_id,
                    creator_id=self.desk.creator_id,
                    kind=kind,
                    payload={"secret_id": "s"} if kind == "connect" else {},
                    requested_by=self.desk.user_id,
                )

    async def drain(self) -> Ending:
        """Hold the lane until it is left, as one life of a worker."""
        claim = self.desk.claim(holder=str(new_id()))
        ledger = Watched(
            self._source, claim, LEASE, happened=self.happened, on_page=self._page_read
        )
        try:
            return await Lane(self._bench, claim, ledger).drain()
        finally:
            await ledger.release()

    def _page_read(self) -> None:
        self.on_page()

    def orders(self) -> list[dict[str, Any]]:
        """The creator's orders, oldest first."""
        return self.desk.rows(
            "SELECT kind, state, payload, result, due_at FROM creator_commands"
            " WHERE creator_id = %s ORDER BY created_at, id",
            self.desk.creator_id,
        )

    def fans(self) -> dict[str | None, dict[str, Any]]:
        """The creator's fans by platform id."""
        return {row["platform_id"]: row for row in self.desk.rows(ALL, self.desk.creator_id)}

    def suppressed(self) -> list[tuple[str, str]]:
        """Whom nobody may write to, and why."""
        rows = self.desk.rows(
            "SELECT f.platform_id, s.reason FROM suppressions s JOIN fans f"
            " ON f.creator_id = s.creator_id AND f.platform_key = s.platform_key"
            " WHERE s.creator_id = %s ORDER BY 1",
            self.desk.creator_id,
        )
        return [(row["platform_id"], row["reason"]) for row in rows]


@pytest.fixture(scope="module")
def platform_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("platform")


@pytest.fixture(scope="module")
def platform(platform_data: Path) -> Iterator[FanPlatform]:
    with running_platform(platform_data, free_port()) as running:
        yield running


@pytest.fixture
def books(platform_data: Path) -> Iterator[Ledger]:
    """The platform's own books, to write down what no fan of a seed does by itself."""
    store = Store(next(platform_data.glob("*.sqlite*")))
    yield Ledger(store)
    store.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await launch(playwright)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def scene(
    browser: Browser,
    platform: FanPlatform,
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    as_role: Callable[[str], Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    monkeypatch.setattr("huntaze.outbox.nudge", lambda: None)
    workspace_id, user_id, creator_id = tenant_factory()
    desk = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    desk.open_lane()
    name = f"mia{next(numbers)}"
    platform.add_creator(name, name, name)
    made = Scene(desk, name, platform, browser, lambda: as_role("worker"))
    await made.log_in()
    yield made
    platform.clear_faults()


@pytest.fixture
def many(scene: Scene) -> Scene:
    """250 fans on the platform: three pages of subscribers."""
    fans = [
        {"platform_id": f"{n}", "handle": f"fan{n}", "price_cents": 999, "status": "active"}
        for n in range(100, 350)
    ]
    scene.platform.add_fans(scene.name, fans)
    return scene


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
    assert many.suppressed() == [("103", "stop_word")]
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
    assert many.suppressed() == []


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
