"""Each trouble of a real page has its code, whether before the click or after it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from browser_worker.chromium import launch
from browser_worker.profile import SiteProfile, load_profile
from browser_worker.site import Credentials, Site
from browser_worker.thread import Thread
from browser_worker.trouble import (
    CaptchaChallenge,
    FanBlocked,
    FanGone,
    NavigationTimeout,
    RatePage,
    RendererCrash,
    SelectorDrift,
    ServerError,
    SessionExpired,
    Trouble,
    TwoFactorChallenge,
    WrongThread,
)
from local.fan_platform.client import FanPlatform, running_platform
from local.processes import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

FANS = [{"platform_id": f"{n}", "handle": f"fan{n}"} for n in (101, 102)]
numbers = count()

type Faults = dict[str, object]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FanPlatform]:
    with running_platform(tmp_path_factory.mktemp("platform"), free_port()) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await launch(playwright)
        yield running
        await running.close()


@pytest.fixture(scope="module")
def profile(platform: FanPlatform) -> SiteProfile:
    """The shipped profile, less patient, so that hanging pages cost a test little."""
    shipped = load_profile("fan_platform", base_url=platform.url)
    return shipped.model_copy(update={"navigation_seconds": 1.5, "settle_seconds": 1})


@pytest.fixture
def creator(platform: FanPlatform) -> Iterator[str]:
    name = f"mia{next(numbers)}"
    platform.add_creator(name, name, name)
    platform.add_fans(name, FANS)
    yield name
    platform.clear_faults()


@pytest_asyncio.fixture(loop_scope="module")
async def site(browser: Browser, profile: SiteProfile, creator: str) -> AsyncIterator[Site]:
    opened = await Site.open(browser, profile)
    await opened.login(Credentials(creator, creator))
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def composed(site: Site) -> Thread:
    """A thread that holds a message, ready for its click."""
    thread = await site.open_thread("101", "fan101")
    await thread.compose("hello")
    return thread


@pytest.mark.parametrize(
    "state",
    [
        {"cookies": "nonsense"},
        {"cookies": [{"name": "a", "value": "b"}]},
        {"cookies": [{"name": "a", "value": "b", "domain": "", "path": "/"}]},
    ],
)
async def test_a_session_that_no_browser_takes_is_over(
    browser: Browser, profile: SiteProfile, state: dict[str, object]
) -> None:
    with pytest.raises(SessionExpired):
        await Site.open(browser, profile, state)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"session_expiry_after": 0}, SessionExpired),
        ({"challenge_after": 0}, CaptchaChallenge),
        ({"challenge_after": 0, "challenge": "two_factor"}, TwoFactorChallenge),
        ({"blocked_fans": ["101"]}, FanBlocked),
        ({"gone_fans": ["101"]}, FanGone),
        ({"page_drift": "other_fan"}, WrongThread),
        ({"page_drift": "renamed"}, SelectorDrift),
        ({"page_drift": "renamed_messages"}, SelectorDrift),
        ({"page_drift": "no_message_ids"}, SelectorDrift),
        ({"error_rate": 1.0}, ServerError),
        ({"latency_ms": 4000}, NavigationTimeout),
        ({"page_crash": {}}, RendererCrash),
        ({"page_crash": {"mode": "hang"}}, NavigationTimeout),
    ],
    ids=lambda value: value.code if isinstance(value, type) else ",".join(value),
)
async def test_trouble_on_opening_a_thread(
    site: Site, platform: FanPlatform, creator: str, faults: Faults, kind: type[Trouble]
) -> None:
    platform.write_as_fan(creator, "101", "hello?")
    platform.set_faults(creator, **faults)
    with pytest.raises(kind) as caught:
        await site.open_thread("101", "fan101")
    assert caught.type is kind
    # The site goes on once the trouble is over.
    platform.clear_faults()
    if not kind.stops_creator:
        assert (await site.open_thread("101", "fan101")).newest_message_id


@pytest.mark.parametrize(
    ("faults", "kind", "accepted"),
    [
        ({"session_expiry_after": 0}, SessionExpired, 0),
        ({"challenge_after": 0}, CaptchaChallenge, 0),
        ({"blocked_fans": ["101"]}, FanBlocked, 0),
        ({"gone_fans": ["101"]}, FanGone, 0),
        ({"error_rate": 1.0}, ServerError, 0),
        ({"error_after_accept": 1}, ServerError, 1),
        ({"hang_after_accept": 1}, NavigationTimeout, 1),
        ({"hang_before_accept": 1}, NavigationTimeout, 0),
        ({"page_crash": {"moment": "sent"}}, RendererCrash, 1),
        ({"page_crash": {"moment": "sent", "mode": "hang"}}, NavigationTimeout, 1),
    ],
    ids=lambda value: value.code if isinstance(value, type) else str(value)[:60],
)
async def test_trouble_after_the_click(
    composed: Thread,
    platform: FanPlatform,
    creator: str,
    faults: Faults,
    kind: type[Trouble],
    accepted: int,
) -> None:
    platform.set_faults(creator, **faults)
    assert await composed.click(await composed.mark(), 4)
    with pytest.raises(kind) as caught:
        await composed.confirmation(1.5)
    assert isinstance(caught.value, kind)
    assert len(platform.messages(creator)) == accepted


async def test_the_platforms_own_rate_rule_shows_as_a_rate_page(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    platform.set_faults(creator, rate_rule={"messages_per_minute": 1, "cooldown_seconds": 30})
    for outcome in (None, RatePage):
        thread = await site.open_thread("101")
        await thread.compose("hello")
        assert await thread.click(await thread.mark(), 4)
        if outcome is None:
            await thread.confirmation(3)
        else:
            with pytest.raises(outcome):
                await thread.confirmation(3)
    with pytest.raises(RatePage):
        await site.open_thread("101")
    assert len(platform.messages(creator)) == 1


async def test_a_session_that_ends_with_a_message_still_confirms_it(
    composed: Thread, site: Site, platform: FanPlatform, creator: str
) -> None:
    platform.set_faults(creator, session_expiry_after=1)
    assert await composed.click(await composed.mark(), 4)
    assert await composed.confirmation(3) == platform.messages(creator)[0]["id"]
    with pytest.raises(SessionExpired):
        await site.open_thread("101")


async def test_words_of_a_fan_are_no_sign_of_trouble(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    platform.write_as_fan(creator, "101", '<div id="captcha-challenge">captcha</div> too many 429')
    assert (await site.open_thread("101")).newest_message_id


async def test_a_thread_is_read_though_its_fan_has_blocked_the_creator(
    composed: Thread, site: Site, platform: FanPlatform, creator: str
) -> None:
    platform.set_faults(creator, error_after_accept=1)
    assert await composed.click(await composed.mark(), 4)
    with pytest.raises(ServerError):
        await composed.confirmation(3)
    platform.set_faults(creator, blocked_fans=["101"])
    thread = await site.open_thread("101", for_reading=True)
    seen = await thread.own_messages_after(None)
    assert [message.text for message in seen.messages] == ["hello"]


async def test_drift_names_what_is_missing_and_shows_no_word(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    platform.write_as_fan(creator, "101", "private words")
    platform.set_faults(creator, page_drift="renamed")
    with pytest.raises(SelectorDrift) as caught:
        await site.open_thread("101")
    assert caught.value.selectors == ("chat.composer.text", "chat.composer.send")
    assert caught.value.screenshot is not None
    assert caught.value.screenshot.startswith(b"\x89PNG")
    text = await site.page.evaluate("() => document.documentElement.innerText")
    assert "x" in text
    assert set(text) <= {"x", " ", "\n", "\t"}


async def test_a_crash_of_one_creator_leaves_the_other_alone(
    browser: Browser, site: Site, profile: SiteProfile, platform: FanPlatform, creator: str
) -> None:
    platform.add_creator("other", "other", "pw")
    platform.add_fans("other", FANS)
    other = await Site.open(browser, profile)
    await other.login(Credentials("other", "pw"))
    thread = await other.open_thread("101")
    await thread.compose("hello")
    platform.set_faults(creator, page_crash={})
    with pytest.raises(RendererCrash):
        await site.open_thread("101")
    assert await thread.click(await thread.mark(), 4)
    assert await thread.confirmation(3)
    await other.close()


async def test_a_dead_browser_is_a_renderer_crash(profile: SiteProfile, creator: str) -> None:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        site = await Site.open(browser, profile)
        await site.login(Credentials(creator, creator))
        thread = await site.open_thread("101")
        await browser.close()
        with pytest.raises(RendererCrash):
            await thread.compose("hello")
        with pytest.raises(RendererCrash):
            await site.open_thread("101")
        with pytest.raises(RendererCrash):
            await site.storage_state()
        with pytest.raises(RendererCrash):
            await Site.open(browser, profile)
        await site.close()


async def test_an_unreachable_platform_is_a_server_error(
    browser: Browser, profile: SiteProfile
) -> None:
    nowhere = profile.model_copy(update={"base_url": f"http://127.0.0.1:{free_port()}"})
    site = await Site.open(browser, nowhere)
    with pytest.raises(ServerError):
        await site.open_thread("101")
    await site.close()


async def test_many_creators_send_at_once(
    browser: Browser, profile: SiteProfile, platform: FanPlatform
) -> None:
    async def send_two(name: str) -> None:
        site = await Site.open(browser, profile)
        await site.login(Credentials(name, "pw"))
        for fan in ("101", "102"):
            thread = await site.open_thread(fan)
            await thread.compose(f"from {name}")
            assert await thread.click(await thread.mark(), 4), thread.refusal
            await thread.confirmation(5)
        await site.close()

    names = [f"crowd{n}" for n in range(6)]
    for name in names:
        platform.add_creator(name, name, "pw")
        platform.add_fans(name, FANS)
    await asyncio.gather(*(send_two(name) for name in names))
    for name in names:
        assert [(row["fan"], row["text"]) for row in platform.messages(name)] == [
            ("101", f"from {name}"),
            ("102", f"from {name}"),
        ]
