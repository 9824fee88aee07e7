"""One logged-in creator in a browser context of their own."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, Error, Page, StorageState

from browser_worker import scripts
from browser_worker.listings import (
    ListPage,
    MessagePage,
    Reader,
    read_earning,
    read_subscriber,
    read_thread,
)
from browser_worker.page import CLOSE_SECONDS, Tab
from browser_worker.profile import Listing, SiteProfile
from browser_worker.thread import Thread, path_of
from browser_worker.trouble import (
    LoginRefused,
    RendererCrash,
    SessionExpired,
    TwoFactorChallenge,
)
from huntaze.domain.platform_rows import EarningRow, SubscriberRow, ThreadRow

# While logging in these are the page one stands on, not trouble with it.
LOGIN_PAGES = frozenset({"session_expired", "login_refused"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a creator logs in with."""

    username: str
    password: str = field(repr=False)


class Site:
    """A platform, as one creator sees it. One tab serves one call at a time."""

    def __init__(self, context: BrowserContext, tab: Tab) -> None:
        self._context = context
        self._tab = tab
        self.profile = tab.profile

    @classmethod
    async def open(
        cls, browser: Browser, profile: SiteProfile, storage_state: dict[str, Any] | None = None
    ) -> Self:
        """Return the site in a fresh context, logged in if ``storage_state`` still is.

        Raises:
            RendererCrash: The browser is gone.
        """
        try:
            # A service worker could answer a read-back from a cache of its own.
            context = await browser.new_context(
                storage_state=_as_state(storage_state), service_workers="block"
            )
        except Error as error:
            if storage_state is not None and browser.is_connected():
                # It is the session that the browser does not take: no send is to blame for it.
                raise SessionExpired("The browser does not take the stored session.") from error
            raise RendererCrash(f"opening a context: {error.message}") from error
        return cls(context, await Tab.open(context, profile))

    @property
    def page(self) -> Page:
        """The page that is driven now; another one after a crash."""
        return self._tab.page

    async def close(self) -> None:
        """Close the context and its tab, even ones that hang."""
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._context.close()

    async def storage_state(self) -> dict[str, Any]:
        """Return cookies and storage, by which a later context is logged in, too.

        Raises:
            RendererCrash: The browser is gone.
        """
        try:
            return dict(await self._context.storage_state())
        except Error as error:
            raise RendererCrash(f"keeping the session: {error.message}") from error

    async def login(self, credentials: Credentials, code: str | None = None) -> None:
        """Log in.

        Raises:
            LoginRefused: The platform does not take the credentials or the code.
            TwoFactorChallenge: It wants a code and there is none; ``enter_code`` goes on.
            CaptchaChallenge: It wants a person.
        """
        login = self.profile.login
        tab = await self._sound_tab()
        await tab.goto(self.profile.base_url + login.path)
        for step in login.steps:
            if step.value is None:
                await tab.click(step.selector, f"login step {step.action}")
            else:
                await tab.fill(
                    step.selector, getattr(credentials, step.value), f"login step {step.value}"
                )
        if await self._after_login("signed_in", "refused", "code_asked") == "code_asked":
            if code is None:
                raise TwoFactorChallenge("The platform asks for a code.")
            await self.enter_code(code)

    async def enter_code(self, code: str) -> None:
        """Go on with a login that asked for a code, on the same page.

        Raises:
            LoginRefused: The platform does not take the code.
        """
        login = self.profile.login
        await self._tab.fill(login.code_field, code, "login.code_field")
        await self._tab.click(login.code_submit, "login.code_submit")
        await self._after_login("signed_in", "refused")

    async def verify_session(self) -> str | None:
        """Make sure that the creator is logged in; return the account's name where it shows.

        Raises:
            SessionExpired: They are not.
        """
        tab = await self._sound_tab()
        await tab.goto(self.profile.base_url + self.profile.listings.threads.path)
        login = self.profile.login
        if not await tab.appears(login.signed_in):
            raise await tab.drift("The page does not show who is logged in.", "login.signed_in")
        if login.account is None:
            return None
        account: str | None = await tab.run(scripts.READ_ONE, login.account.model_dump())
        return account

    async def open_thread(
        self,
        fan_platform_id: str,
        handle: str | None = None,
        *,
        for_reading: bool = False,
        page: str | None = None,
    ) -> Thread:
        """Open the chat with a fan and make sure that it is theirs.

        Args:
            fan_platform_id: The fan.
            handle: The fan's handle; decides where pages show no id.
            for_reading: Nothing is to be written; see ``Thread.open``.
            page: An older page of it; None is the newest.

        Raises:
            WrongThread: The page shows another fan.
            Trouble: The page shows something else that stands in the way.
        """
        thread = Thread(await self._sound_tab(), fan_platform_id, handle)
        await thread.open(for_reading=for_reading, page=page)
        return thread

    def subscribers(
        self, page_cursor: str | None = None
    ) -> AsyncGenerator[ListPage[SubscriberRow]]:
        """Read the creator's subscribers, from ``page_cursor`` on."""
        return self._pages(self.profile.listings.subscribers, read_subscriber, page_cursor)

    def threads(self, page_cursor: str | None = None) -> AsyncGenerator[ListPage[ThreadRow]]:
        """Read the creator's chats, latest first, from ``page_cursor`` on."""
        return self._pages(self.profile.listings.threads, read_thread, page_cursor)

    def earnings(self, page_cursor: str | None = None) -> AsyncGenerator[ListPage[EarningRow]]:
        """Read the creator's earnings, latest first, from ``page_cursor`` on."""
        return self._pages(self.profile.listings.earnings, read_earning, page_cursor)

    async def messages(
        self, fan_platform_id: str, handle: str | None = None
    ) -> AsyncIterator[MessagePage]:
        """Read the chat with a fan, newest page first."""
        thread = await self.open_thread(fan_platform_id, handle, for_reading=True)
        yield MessagePage(thread.messages)
        while await thread.show_older():
            yield MessagePage(thread.messages)

    async def count_on(
        self, path: str, needed: Mapping[str, str], optional: Mapping[str, str]
    ) -> dict[str, int]:
        """Open a page and return how many elements each selector matches.

        It waits for all that is needed; what is optional gets a moment longer to appear.
        """
        tab = await self._sound_tab()
        await tab.goto(self.profile.base_url + path)
        arguments = {"needed": list(needed.values()), "selectors": {**needed, **optional}}
        await tab.wait(scripts.COUNT_ALL, self.profile.settle_seconds, **arguments)
        await asyncio.sleep(self.profile.settle_seconds / 10)
        found = await tab.wait(scripts.COUNT_ALL, 0, **arguments)
        return {name: int(count) for name, count in found["counts"].items()}

    async def _pages[T](
        self, listing: Listing, reader: Reader[T], cursor: str | None
    ) -> AsyncGenerator[ListPage[T]]:
        where: str | None = cursor or listing.path
        while where is not None:
            page = await self._page(listing, reader, where)
            yield page
            where = page.next_cursor

    async def _page[T](self, listing: Listing, reader: Reader[T], where: str) -> ListPage[T]:
        tab = await self._sound_tab()
        # A cursor comes back from outside: it must stay a path of this platform.
        await tab.goto(self.profile.base_url + "/" + where.lstrip("/"))
        found = await tab.wait(
            scripts.READ_LISTING,
            self.profile.settle_seconds,
            list=listing.list,
            row=listing.row,
            next=listing.next,
            fields={name: place.model_dump() for name, place in listing.fields.items()},
        )
        if found is None:
            raise await tab.drift("The page shows no list.", f"{listing.path} list")
        try:
            items = tuple(reader(row) for row in found["rows"])
        except ValueError as error:
            raise await tab.drift(f"Rows have no {error}.", f"{listing.path} {error}") from None
        return ListPage(items, path_of(found["next"]))

    async def _after_login(self, *outcomes: str) -> str:
        login = self.profile.login
        found = await self._tab.wait(
            scripts.AWAIT_ANY,
            self.profile.navigation_seconds,
            signs=self._tab.signs(ignored=LOGIN_PAGES),
            any={name: getattr(login, name) for name in outcomes},
        )
        if not found:
            raise await self._tab.drift("The login led nowhere.", "login.signed_in")
        if found["name"] == "refused":
            raise LoginRefused("The platform does not take the credentials or the code.")
        return str(found["name"])

    async def _sound_tab(self) -> Tab:
        """Return the tab, or another in place of one that died or hangs."""
        if self._tab.is_lost:
            lost = self._tab
            self._tab = await Tab.open(self._context, self.profile)
            await lost.close()
        return self._tab


def _as_state(storage_state: dict[str, Any] | None) -> StorageState | None:
    if storage_state is None:
        return None
    return StorageState(
        cookies=storage_state.get("cookies", []), origins=storage_state.get("origins", [])
    )
