"""One tab: every failure of it is a trouble, and nothing waits on it for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Error, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from browser_worker import scripts
from browser_worker.profile import SiteProfile
from browser_worker.trouble import (
    SIGNED_TROUBLES,
    NavigationTimeout,
    RatePage,
    RendererCrash,
    SelectorDrift,
    ServerError,
    Trouble,
)

# A page that answers at all answers a script at once; this much is for a machine under load.
SCRIPT_SECONDS = 5.0
CLOSE_SECONDS = 5.0
# How Chromium says that a document made way for another while a script ran in it.
DOCUMENT_LEFT = (
    "context was destroyed",
    "Cannot find context",
    "net::ERR_ABORTED",
    "interrupted by another navigation",
)


class Tab:
    """A page of one creator's browser context.

    Attributes:
        is_lost: The renderer died or hangs; only a new tab helps.
    """

    def __init__(self, page: Page, profile: SiteProfile) -> None:
        self.page = page
        self.profile = profile
        self.is_lost = False
        self._status: int | None = None
        page.on("crash", self._crashed)

    @classmethod
    async def open(cls, context: BrowserContext, profile: SiteProfile) -> "Tab":
        """Return a new tab of ``context``."""
        try:
            page = await context.new_page()
        except Error as error:
            raise RendererCrash(f"opening a tab: {error.message}") from error
        page.set_default_timeout(profile.settle_seconds * 1000)
        page.set_default_navigation_timeout(profile.navigation_seconds * 1000)
        return cls(page, profile)

    async def close(self) -> None:
        """Close the tab, even one that hangs."""
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.page.close()

    async def goto(self, url: str) -> None:
        """Open ``url`` and look at the status of the answer."""
        async with self._troubles(f"opening {urlsplit(url).path}", self._navigation_limit()):
            answer = await self.page.goto(url, wait_until="commit")
        self._status = answer.status if answer else None

    async def reload(self) -> None:
        """Load the page again past every cache."""
        async with self._troubles("reloading", self._navigation_limit()):
            session = await self.page.context.new_cdp_session(self.page)
            try:
                async with self.page.expect_navigation(wait_until="commit") as navigation:
                    await session.send("Page.reload", {"ignoreCache": True})
                answer = await navigation.value
            finally:
                with suppress(Error):
                    await session.detach()
        self._status = answer.status if answer else None

    async def run(self, script: str, argument: object = None, *, seconds: float = 0) -> Any:  # noqa: ANN401
        """Run a script in the page, which itself waits up to ``seconds``."""
        async with self._troubles("reading the page", seconds + SCRIPT_SECONDS):
            return await self.page.evaluate(script, argument)

    async def wait(self, script: str, seconds: float, **arguments: object) -> Any:  # noqa: ANN401
        """Run a script that waits for something, again after each change of document.

        Raises:
            Trouble: One of the profile's signs showed first.
        """
        end = asyncio.get_running_loop().time() + seconds
        arguments.setdefault("signs", self.signs())
        while True:
            left = max(0.0, end - asyncio.get_running_loop().time())
            try:
                found = await self.run(
                    script, {**arguments, "milliseconds": left * 1000}, seconds=left
                )
            except _DocumentLeft:
                if left:
                    # The next document is on its way; a script can run once it has begun.
                    await asyncio.sleep(0.02)
                    continue
                raise
            if found and found.get("sign") is not None:
                raise self._trouble_of(found["sign"])
            self._check_status()
            return found

    async def fill(self, selector: str, text: str, name: str) -> None:
        """Write into a field that the profile calls ``name``."""
        await self._act(self.page.fill(selector, text), name)

    async def click(self, selector: str, name: str) -> None:
        """Click on what the profile calls ``name``."""
        await self._act(self.page.click(selector), name)

    async def press(self, selector: str) -> bool:
        """Click from within the page once the element is there; return whether it came."""
        limit = self.profile.settle_seconds
        return bool(await self.wait(scripts.PRESS, limit, selector=selector))

    async def appears(self, selector: str) -> bool:
        """Wait for an element, for as long as a page may take to settle."""
        limit = self.profile.settle_seconds
        return bool(await self.wait(scripts.AWAIT_ANY, limit, any={"element": selector}))

    def signs(self, *, ignored: frozenset[str] = frozenset()) -> list[dict[str, object]]:
        """Return the profile's signs that may show after the last answer."""
        return [
            {"number": number, "url": sign.url, "selector": sign.selector, "text": sign.text}
            for number, sign in enumerate(self.profile.signs)
            if sign.status in {None, self._status} and sign.trouble not in ignored
        ]

    async def drift(self, detail: str, *selectors: str) -> SelectorDrift:
        """Return the trouble of a page that is built otherwise, with a masked picture of it."""
        picture: bytes | None = None
        with suppress(Trouble, Error, TimeoutError):
            await self.run(scripts.MASK_TEXT)
            async with asyncio.timeout(SCRIPT_SECONDS):
                picture = await self.page.screenshot(type="png")
        return SelectorDrift(detail, selectors=selectors, screenshot=picture)

    async def _act(self, action: Any, name: str) -> None:  # noqa: ANN401 - a coroutine
        try:
            async with self._troubles(f"using {name}", self.profile.settle_seconds + 1):
                await action
        except NavigationTimeout:
            if await self._responds():
                raise await self.drift(f"{name} is not there to be used.", name) from None
            raise

    async def _responds(self) -> bool:
        try:
            await self.run("() => true")
        except Trouble:
            return False
        self.is_lost = False
        return True

    def _trouble_of(self, sign: int) -> Trouble:
        kind = SIGNED_TROUBLES[self.profile.signs[sign].trouble]
        return kind(f"The page {urlsplit(self.page.url).path} says so.")

    def _check_status(self) -> None:
        """Judge by the status of the answer what no sign of the profile told."""
        if self._status == 429:
            raise RatePage("The platform answered 429.")
        if self._status is not None and self._status >= 500:
            raise ServerError(f"The platform answered {self._status}.")

    def _navigation_limit(self) -> float:
        return self.profile.navigation_seconds + 1

    def _crashed(self, _page: Page) -> None:
        self.is_lost = True

    @asynccontextmanager
    async def _troubles(self, doing: str, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except (PlaywrightTimeout, TimeoutError):
            self.is_lost = True
            raise NavigationTimeout(f"{doing}: no answer within {seconds:g} s") from None
        except Error as error:
            raise self._translated(doing, error) from error

    def _translated(self, doing: str, error: Error) -> Trouble:
        reason = error.message.splitlines()[0]
        if "net::ERR_ABORTED" not in reason and "net::" in reason:
            return ServerError(f"{doing}: {reason}")
        if any(words in reason for words in DOCUMENT_LEFT):
            return _DocumentLeft(f"{doing}: {reason}")
        self.is_lost = True
        return RendererCrash(f"{doing}: {reason}")


class _DocumentLeft(NavigationTimeout):
    """The document that a script ran in made way for another."""
