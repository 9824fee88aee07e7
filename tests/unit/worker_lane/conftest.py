"""A lane without a browser, whose pauses take no time."""

from unittest.mock import AsyncMock, Mock

import pytest

from browser_worker import lane as lane_module
from tests.fakes.lane_scene import Scene


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    site_class = Mock()
    site_class.open = AsyncMock(return_value=made.site)
    monkeypatch.setattr(lane_module, "Site", site_class)

    async def pause(seconds: float) -> None:
        made.pauses.append(seconds)

    clock = iter(range(10**9))
    monkeypatch.setattr(lane_module.asyncio, "sleep", pause)
    # Each look at the clock takes a tenth of a second, so that every pause comes to its end.
    monkeypatch.setattr(lane_module.time, "monotonic", lambda: next(clock) / 10)
    return made
