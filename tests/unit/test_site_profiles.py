"""Profiles hold together, and texts are told apart by what a platform cannot rewrite."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from browser_worker.chromium import NoChromiumError, find_executable
from browser_worker.listings import read_earning, read_subscriber
from browser_worker.messages import parse_cents
from browser_worker.profile import PROFILES, ProfileError, SiteProfile, load_profile
from browser_worker.trouble import SIGNED_TROUBLES, Challenge, SessionExpired, Trouble
from huntaze.platforms.pushes import pushes_events
from local.fan_platform.rewriting import REWRITES, displayed_text

type Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def facts() -> dict[str, Any]:
    text = (PROFILES / "fan_platform.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


@pytest.fixture
def profile() -> SiteProfile:
    return load_profile("fan_platform")


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_profile_loads_under_its_name(path: Any) -> None:
    assert load_profile(path.stem).name == path.stem


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_profiles_and_functions_agree_on_who_pushes(path: Any) -> None:
    assert load_profile(path.stem).pushes_events == pushes_events(path.stem)


def test_the_onlyfans_profile_says_that_it_is_unverified() -> None:
    profile = load_profile("onlyfans")
    assert not profile.verified
    assert "nverified" in profile.note
    assert not profile.allows_ai_auto_send
    assert profile.limits.messages_per_minute == 10
    assert profile.limits.min_gap_seconds == 3


def test_a_base_url_of_ones_own_replaces_the_profiles() -> None:
    profile = load_profile("fan_platform", base_url="http://127.0.0.1:1/")
    assert profile.thread_url("a b/c") == "http://127.0.0.1:1/chats/a%20b%2Fc"


@pytest.mark.parametrize("name", ["nowhere", "../secrets", "fan_platform.yaml", ""])
def test_an_unknown_profile_is_refused(name: str) -> None:
    with pytest.raises(ProfileError, match="There is no profile"):
        load_profile(name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.update(acceptance_within_seconds=7), "must exceed"),
        (lambda f: f.update(surprise=1), "Extra inputs"),
        (lambda f: f.update(base_url="fans.example"), "pattern"),
        (lambda f: f["limits"].update(messages_per_minute=0), "greater than or equal to 1"),
        (lambda f: f["chat"].update(path="/chats"), "fan_id"),
        (lambda f: f["chat"].update(fan_id=None, fan_handle=None), "whose"),
        (lambda f: f["chat"]["composer"]["media"].update(item="input"), "{id}"),
        (lambda f: f["login"]["steps"][0].pop("value"), "names its value"),
        (lambda f: f["signs"].append({"trouble": "captcha"}), "needs a status"),
        (lambda f: f["signs"].append({"trouble": "rain", "status": 500}), "no trouble"),
        (
            lambda f: f["signs"].append({"trouble": "captcha", "url": "/", "text": "robot"}),
            "only within a selector",
        ),
        (lambda f: f["signs"].append({"trouble": "captcha", "url": "("}), "regular expression"),
    ],
)
def test_a_profile_that_does_not_hold_together_is_refused(
    facts: dict[str, Any], change: Change, reason: str
) -> None:
    change(facts)
    with pytest.raises(ValidationError, match=reason):
        SiteProfile.model_validate(facts)


@pytest.mark.parametrize("rewrites", [(), REWRITES, *((one,) for one in REWRITES)])
@pytest.mark.parametrize(
    "text",
    [
        "Hello  Bob,\n\nhow are you?",
        "new set 🔥❤️ 👩🏽‍🎤 just for you",
        "🔥🔥",
        "see www.example.com and https://example.com/a/",
    ],
)
def test_a_text_survives_what_a_platform_shows_of_it(
    profile: SiteProfile, text: str, rewrites: tuple[str, ...]
) -> None:
    assert profile.normalise(displayed_text(text, rewrites)) == profile.normalise(text)


def test_links_are_seen_behind_redirects(profile: SiteProfile) -> None:
    wrapped = "look: http://x.test/out?url=https%3A%2F%2Fwww.example.com%2Fset%2F1%3Fa%3Db"
    assert profile.normalise(wrapped) == profile.normalise("look: https://example.com/set/1?a=b")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hello Bob", "hello Rob"),
        ("for $5", "for $50"),
        ("https://example.com/a", "https://example.com/b"),
        ("🔥", "😊"),
        ("", "🔥"),
    ],
)
def test_different_messages_stay_different(profile: SiteProfile, one: str, other: str) -> None:
    assert profile.normalise(one) != profile.normalise(other)


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    profile = load_profile("fan_platform")
    once = profile.normalise(text)
    assert profile.normalise(once) == once


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        (None, 0),
        ("", 0),
        ("$5", 500),
        ("$12.50", 1250),
        ("12.5", 1250),
        ("$1,234.05 not paid yet", 123405),
        ("-$3.00", -300),
        ("free", None),
    ],
)
def test_prices_are_read_exactly(text: str | None, cents: int | None) -> None:
    assert parse_cents(text) == cents


@given(st.integers(min_value=0, max_value=10**9))
def test_every_amount_is_read_back(cents: int) -> None:
    assert parse_cents(f"${cents // 100:,}.{cents % 100:02}") == cents


def test_rows_of_lists_are_read() -> None:
    fan = read_subscriber({"fan_id": "7", "handle": "@bob", "price": "$9.99", "rebill": "off"})
    assert (fan.fan_platform_id, fan.handle, fan.price_cents, fan.rebill_on) == (
        "7",
        "bob",
        999,
        False,
    )
    assert fan.expires_at is None
    with pytest.raises(ValueError, match="handle"):
        read_subscriber({"fan_id": "7"})
    with pytest.raises(ValueError, match="created_at"):
        read_earning({"transaction_id": "t", "gross": "$1", "created_at": "yesterday"})


def test_only_what_needs_a_person_stops_a_creator() -> None:
    stopping = {kind.code for kind in SIGNED_TROUBLES.values() if kind.stops_creator}
    assert stopping == {"session_expired", "login_refused", "captcha", "two_factor"}
    assert issubclass(Challenge, Trouble)
    assert SessionExpired.stops_creator


def test_a_named_chromium_wins(tmp_path: Any) -> None:
    own = tmp_path / "chrome"
    own.touch()
    assert find_executable("/opt/mine", str(own)) == "/opt/mine"
    assert find_executable(None, str(own)) == str(own)


def test_a_missing_chromium_is_said_plainly(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("browser_worker.chromium.CACHED", tmp_path / "none")
    with pytest.raises(NoChromiumError, match="CHROMIUM_EXECUTABLE"):
        find_executable(None, str(tmp_path / "none"))
