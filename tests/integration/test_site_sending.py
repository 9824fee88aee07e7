"""The driver against the fan platform, both real: log in, send, confirm, read back, list."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from browser_worker.check import Walk, is_sound
from browser_worker.chromium import launch
from browser_worker.profile import SiteProfile, load_profile
from browser_worker.site import Credentials, Site
from browser_worker.trouble import (
    LoginRefused,
    MediaMissing,
    NavigationTimeout,
    SessionExpired,
    TwoFactorChallenge,
)
from local.fan_platform.client import FanPlatform, running_platform
from local.fan_platform.passwords import totp
from local.processes import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTP_SECRET = "GEZDGNBVGY3TQOJQ"
FANS = [{"platform_id": f"{n}", "handle": f"fan{n}", "price_cents": 999} for n in range(100, 240)]
numbers = count()


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
    return load_profile("fan_platform", base_url=platform.url)


@pytest.fixture
def creator(platform: FanPlatform) -> Iterator[str]:
    """A creator of this test alone, whose name is also their id and password."""
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


async def test_a_session_is_carried_from_one_context_to_the_next(
    browser: Browser, profile: SiteProfile, site: Site, creator: str
) -> None:
    again = await Site.open(browser, profile, await site.storage_state())
    assert await again.verify_session() == creator
    await again.close()
    stranger = await Site.open(browser, profile)
    with pytest.raises(SessionExpired):
        await stranger.verify_session()
    await stranger.close()


async def test_a_wrong_password_is_refused(
    browser: Browser, profile: SiteProfile, creator: str
) -> None:
    site = await Site.open(browser, profile)
    with pytest.raises(LoginRefused):
        await site.login(Credentials(creator, "wrong"))
    await site.close()


async def test_a_second_factor_is_asked_of_a_person_and_then_entered(
    browser: Browser, profile: SiteProfile, platform: FanPlatform
) -> None:
    platform.add_creator("zoe", "zoe", "pw", otp_secret=OTP_SECRET)
    site = await Site.open(browser, profile)
    with pytest.raises(TwoFactorChallenge):
        await site.login(Credentials("zoe", "pw"))
    with pytest.raises(LoginRefused):
        await site.enter_code("000000")
    with pytest.raises(SessionExpired):
        await site.verify_session()
    await site.login(Credentials("zoe", "pw"), totp(OTP_SECRET, time.time()))
    assert await site.verify_session() == "zoe"
    await site.close()


async def test_a_message_arrives_just_as_written(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    text = "Hi  Bob 🔥\n\n<b>new</b> set: https://example.com/a?b=c"
    thread = await site.open_thread("101", "fan101")
    assert (thread.handle, thread.newest_message_id) == ("fan101", None)
    await thread.compose(text)
    assert await thread.click(await thread.mark(), 4)
    message_id = await thread.confirmation(5)
    (row,) = platform.messages(creator)
    assert (row["id"], row["fan"], row["text"], row["price_cents"], row["media"]) == (
        message_id,
        "101",
        text,
        0,
        [],
    )


async def test_any_line_break_arrives_as_the_form_holds_it(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    thread = await site.open_thread("101", "fan101")
    await thread.compose("a\rb\r\nc")
    assert await thread.click(await thread.mark(), 4)
    await thread.confirmation(5)
    (row,) = platform.messages(creator)
    assert row["text"] == "a\nb\nc"


async def test_a_paid_message_carries_price_and_media(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    platform.write_as_fan(creator, "102", "hello?")
    thread = await site.open_thread("102")
    assert thread.newest_message_id is not None
    await thread.compose("for you", 1250, ["media-007", "media-002"])
    assert await thread.click(await thread.mark(), 4)
    message_id = await thread.confirmation(5)
    (row,) = platform.messages(creator)
    assert (row["id"], row["price_cents"], sorted(row["media"])) == (
        message_id,
        1250,
        ["media-002", "media-007"],
    )


async def test_two_messages_in_one_thread_are_told_apart(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    thread = await site.open_thread("103")
    ids = []
    for _ in range(2):
        await thread.compose("the same words")
        assert await thread.click(await thread.mark(), 4)
        ids.append(await thread.confirmation(5))
    assert [row["id"] for row in platform.messages(creator)] == ids


async def test_media_that_are_not_in_the_vault_are_missing(site: Site) -> None:
    thread = await site.open_thread("104")
    with pytest.raises(MediaMissing):
        await thread.compose("for you", 500, ["media-999"])


async def test_a_click_that_comes_too_late_presses_nothing(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    thread = await site.open_thread("105")
    await thread.compose("too late")
    mark = await thread.mark()
    await asyncio.sleep(0.3)
    assert not await thread.click(mark, 0.25)
    assert thread.refusal == "too_late"
    with pytest.raises(NavigationTimeout):
        await thread.confirmation(0.3)
    assert platform.messages(creator) == []


@pytest.mark.parametrize("clock", ["performance.now", "Date.now"])
async def test_either_clock_can_make_a_click_too_late(site: Site, clock: str) -> None:
    thread = await site.open_thread("106")
    await thread.compose("asleep")
    mark = await thread.mark()
    # A laptop's sleep stops one clock, a step of the time the other.
    await site.page.evaluate(f"() => {{ const now = {clock}(); {clock} = () => now + 60000; }}")
    assert not await thread.click(mark, 4)
    assert thread.refusal == "too_late"


async def test_a_page_that_was_blocked_past_the_deadline_presses_nothing(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    thread = await site.open_thread("107")
    await thread.compose("stalled")
    mark = await thread.mark()
    block = (
        "() => { setTimeout(() => { const end = Date.now() + 900; while (Date.now() < end); }) }"
    )
    await site.page.evaluate(block)
    assert not await thread.click(mark, 0.5)
    assert thread.refusal == "too_late"
    assert platform.messages(creator) == []


async def test_a_changed_composer_is_not_sent(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    thread = await site.open_thread("108")
    await thread.compose("what was granted")
    await site.page.evaluate("() => { document.querySelector('#message-text').value += '!' }")
    assert not await thread.click(await thread.mark(), 4)
    assert thread.refusal == "composer_changed"
    assert platform.messages(creator) == []


async def test_a_mark_of_another_document_presses_nothing(site: Site) -> None:
    thread = await site.open_thread("109")
    mark = await thread.mark()
    thread = await site.open_thread("109")
    await thread.compose("again")
    assert not await thread.click(mark, 4)
    assert thread.refusal == "page_changed"


async def test_a_rewritten_message_is_recognised(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    platform.set_faults(creator, rewrite=True)
    text = "Hi  Bob 🔥❤️\n\nsee https://www.example.com/a/very/long/path/to/a/set?x=1&y=2 now"
    thread = await site.open_thread("110")
    baseline = thread.newest_message_id
    await thread.compose(text, 500)
    assert await thread.click(await thread.mark(), 4)
    message_id = await thread.confirmation(5)
    seen = await thread.own_messages_after(baseline)
    assert seen.baseline_visible
    (message,) = seen.messages
    assert (message.id, message.price_cents) == (message_id, 500)
    assert message.text != text
    assert site.profile.normalise(message.text) == site.profile.normalise(text)
    (row,) = platform.messages(creator, detail=True)
    assert row["text"] == text
    assert row["displayed"] != text


async def test_reading_back_tells_sent_from_not_sent(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    baseline = platform.write_as_fan(creator, "111", "hello?")
    thread = await site.open_thread("111", for_reading=True)
    assert (await thread.own_messages_after(baseline)).messages == ()
    assert (await thread.own_messages_after(baseline)).baseline_visible
    platform.set_faults(creator, error_after_accept=1)
    thread = await site.open_thread("111")
    await thread.compose("did it go?")
    assert await thread.click(await thread.mark(), 4)
    seen = await thread.own_messages_after(baseline)
    assert [message.text for message in seen.messages] == ["did it go?"]
    gone = await thread.own_messages_after("m999")
    assert (gone.baseline_visible, gone.messages) == (False, ())


async def test_an_empty_baseline_needs_the_beginning_of_the_thread(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    thread = await site.open_thread("112", for_reading=True)
    assert (await thread.own_messages_after(None)).baseline_visible
    for n in range(60):
        platform.write_as_fan(creator, "112", f"hello {n}")
    assert not (await thread.own_messages_after(None)).baseline_visible
    pages = [page.messages async for page in site.messages("112")]
    assert [len(page) for page in pages] == [50, 10]
    assert pages[0][-1].text == "hello 59"
    assert not pages[1][0].own


async def test_a_thread_shows_what_became_of_its_messages(
    site: Site, platform: FanPlatform, creator: str
) -> None:
    for price in (0, 1250):
        thread = await site.open_thread("116")
        await thread.compose("look", price, ["media-001"] if price else [])
        assert await thread.click(await thread.mark(), 4)
        await thread.confirmation(5)
    free, paid = (row["id"] for row in platform.messages(creator))
    platform.act(creator, "116", "open", free)
    platform.act(creator, "116", "buy", paid)
    tip = platform.write_as_fan(creator, "116", tip_cents=500)
    messages = {one.id: one for one in (await site.open_thread("116")).messages}
    (row,) = (one for one in platform.messages(creator, detail=True) if one["id"] == paid)
    assert (messages[paid].paid, messages[paid].opened) == (row["paid_at"], row["opened_at"])
    assert (messages[paid].price_cents, messages[paid].media) == (1250, ("media-001",))
    assert messages[free].paid is None
    assert messages[free].opened
    assert (messages[tip].own, messages[tip].tip_cents, messages[tip].text) == (False, 500, "")
    assert messages[paid].tip_cents == 0
    (threads,) = [page async for page in site.threads()]
    assert threads.items[0].last_seen_at is not None
    assert {one["message_id"] for one in platform.transactions(creator)} == {paid, tip}


async def test_a_state_without_a_moment_is_a_state(
    browser: Browser, profile: SiteProfile, platform: FanPlatform, creator: str
) -> None:
    message = profile.chat.message
    # As a page that says "unlocked" and no more; and one that has no such thing at all.
    assert message.paid is not None
    bare = message.paid.model_copy(update={"attribute": "data-none"})
    parts = message.model_copy(update={"paid": bare, "opened": None, "tip": None})
    chat = profile.chat.model_copy(update={"message": parts})
    site = await Site.open(browser, profile.model_copy(update={"chat": chat}))
    await site.login(Credentials(creator, creator))
    thread = await site.open_thread("117")
    await thread.compose("look", 500)
    assert await thread.click(await thread.mark(), 4)
    sent = await thread.confirmation(5)
    platform.act(creator, "117", "buy", sent)
    (seen,) = (await site.open_thread("117")).messages
    assert (seen.paid, seen.opened, seen.tip_cents) == ("", None, 0)
    await site.close()


async def test_a_message_is_taken_back(site: Site, platform: FanPlatform, creator: str) -> None:
    thread = await site.open_thread("113")
    await thread.compose("oops")
    assert await thread.click(await thread.mark(), 4)
    message_id = await thread.confirmation(5)
    for n in range(55):
        platform.write_as_fan(creator, "113", f"what {n}")
    thread = await site.open_thread("113")
    assert await thread.unsend(message_id)
    assert not await thread.unsend(message_id)
    (row,) = platform.messages(creator, detail=True)
    assert row["unsent_at"] is not None


async def test_lists_are_read_page_by_page(site: Site, platform: FanPlatform, creator: str) -> None:
    pages = [page async for page in site.subscribers()]
    assert [len(page.items) for page in pages] == [100, 40]
    assert pages[0].items[0].handle == "fan100"
    assert pages[0].items[0].price_cents == 999
    (rest,) = [page async for page in site.subscribers(pages[0].next_cursor)]
    assert rest == pages[1]
    platform.write_as_fan(creator, "114", "hi")
    (threads,) = [page async for page in site.threads()]
    (row,) = threads.items
    assert (row.fan_platform_id, row.unread, row.last_is_own) == ("114", 1, False)
    (earnings,) = [page async for page in site.earnings()]
    assert earnings.items == ()


async def test_earnings_are_read_to_the_cent(
    browser: Browser, profile: SiteProfile, platform: FanPlatform
) -> None:
    platform.add_creator("ana", "ana", "pw")
    platform.seed_fans("ana", 120, seed=5)
    site = await Site.open(browser, profile)
    await site.login(Credentials("ana", "pw"))
    rows = [row async for page in site.earnings() for row in page.items]
    truth = platform.transactions("ana")
    assert [row.transaction_id for row in rows] == [one["id"] for one in truth]
    assert sum(row.net_cents or 0 for row in rows) == platform.stats("ana")["net_cents"]
    await site.close()


async def test_a_sound_profile_passes_its_check(
    site: Site, platform: FanPlatform, creator: str, profile: SiteProfile
) -> None:
    platform.write_as_fan(creator, "115", "hi")
    assert is_sound(await Walk(site, profile).pages(None))
    platform.set_faults(creator, page_drift="renamed")
    findings = await Walk(site, profile).pages("115")
    missing = {finding.name for finding in findings if finding.verdict == "missing"}
    assert missing == {"composer.text", "composer.send", "composer.price"}
    assert not is_sound(findings)
    assert platform.messages(creator) == []
