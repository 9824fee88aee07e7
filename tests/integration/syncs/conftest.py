"""A platform and a browser for the tests of syncs."""

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from browser_worker.chromium import launch
from huntaze.db import Connection
from local.fan_platform.client import FanPlatform, running_platform
from local.fan_platform.money import Ledger
from local.fan_platform.store import Store
from local.processes import free_port
from tests.fakes.creator_desk import Desk
from tests.fakes.sync_scene import Scene

numbers = count()


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
