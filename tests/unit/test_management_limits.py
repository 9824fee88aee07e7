"""The limits of lanes: the profile's, or the operator's."""

import pytest

from huntaze.platforms.limits import LaneLimits, lane_limits
from huntaze.settings import load


@pytest.fixture(autouse=True)
def fresh_settings():
    load.cache_clear()
    yield
    load.cache_clear()


def test_every_platform_starts_slowly(monkeypatch):
    monkeypatch.delenv("LANE_LIMITS", raising=False)
    slow = LaneLimits(messages_per_minute=10, min_gap_ms=3000)
    assert lane_limits() == {"fan_platform": slow, "onlyfans": slow}


def test_the_operator_sets_what_it_names_and_adds_no_platform(monkeypatch):
    limits = '{"fan_platform": {"messages_per_minute": 600, "min_gap_ms": 0}, "x": %s}'
    monkeypatch.setenv("LANE_LIMITS", limits % '{"messages_per_minute": 1, "min_gap_ms": 0}')
    assert lane_limits()["fan_platform"] == LaneLimits(messages_per_minute=600, min_gap_ms=0)
    assert lane_limits()["onlyfans"].messages_per_minute == 10
    assert "x" not in lane_limits()


@pytest.mark.parametrize("limits", ["10", '{"onlyfans": {"messages_per_minute": 0}}', "{"])
def test_refuses_limits_that_are_none(monkeypatch, limits):
    monkeypatch.setenv("LANE_LIMITS", limits)
    with pytest.raises(ValueError, match="lane_limits"):
        lane_limits()
