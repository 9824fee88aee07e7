"""One open chat: write, click in time, see the message confirmed, or read back what is there."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from browser_worker import scripts
from browser_worker.messages import ReadBack, ThreadMessage, message_of, parse_cents
from browser_worker.page import Tab
from browser_worker.trouble import MediaMissing, MessageTooOld, NavigationTimeout, WrongThread
from huntaze.domain.outbound.texts import with_plain_breaks

Refusal = Literal[
    "too_late",
    "page_changed",
    "composer_changed",
    "trouble_shown",
    "button_missing",
    "button_disabled",
]
# How many pages of older messages are searched for one that is to be taken back.
OLDER_PAGES = 20
# Where a page grows when it is scrolled: so often for each page that is read, each from the newest
# message on, and no further back than that.
SCROLLS_AT_ONCE = 3
MOST_SCROLLS = 60


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the page's own two clocks, in milliseconds."""

    document: float
    monotonic: float
    wall: float


@dataclass(frozen=True, slots=True)
class Held:
    """What the form holds; ``exact`` if its text is a value and not rendered markup."""

    text: str
    exact: bool
    price: str
    media: list[str]


class Thread:
    """The chat with one fan, whose identity on the page was checked.

    Attributes:
        fan_platform_id: The fan.
        handle: The fan's handle, as the page shows it where it does.
        newest_message_id: The newest message on the page: the baseline of the next send.
        older: Leads to the page before this one, if the thread goes on; a path of the platform.
        messages: The messages on the page when it was last loaded, oldest first.
        refusal: Why the last ``click`` did not click.
    """

    def __init__(self, tab: Tab, fan_platform_id: str, handle: str | None = None) -> None:
        self._tab = tab
        self._chat = tab.profile.chat
        self._asked_handle = handle
        self._held: Held | None = None
        self._wanted: tuple[str, int] | None = None
        self._identity: list[tuple[dict[str, Any], str]] = []
        self.fan_platform_id = fan_platform_id
        self.handle = handle
        self.newest_message_id: str | None = None
        self.older: str | None = None
        self.messages: tuple[ThreadMessage, ...] = ()
        self._shown: frozenset[str] = frozenset()
        self._scrolls = 0
        self._began = False
        self.refusal: Refusal | None = None

    @property
    def shows_beginning(self) -> bool:
        """Whether nothing comes before the first message on the page.

        Only a profile that knows how more messages announce themselves can tell.
        """
        return self._began or (self._chat.older is not None and self.older is None)

    @property
    def grows(self) -> bool:
        """Whether a page holds whatever came after it, too."""
        return self._chat.earlier is not None

    def normalise(self, text: str) -> str:
        """Write a text as texts of this platform are compared."""
        return self._tab.profile.normalise(text)

    async def open(self, *, for_reading: bool = False, page: str | None = None) -> None:
        """Load the thread.

        Args:
            page: A page of it that ``older`` has led to; None is the newest.
            for_reading: Nothing is to be written, so a fan who has blocked the creator and a
                missing composer are no trouble.

        Raises:
            WrongThread: The page shows another fan.
            SelectorDrift: The page is not built as the profile says.
        """
        profile = self._tab.profile
        path, _, scrolls = (page or "").partition("#")
        # A page comes back from outside: it must stay a path of this platform.
        there = path and profile.base_url + "/" + path.lstrip("/")
        await self._tab.goto(there or profile.thread_url(self.fan_platform_id))
        self._scrolls, self._began = 0, False
        await self._look(for_reading=for_reading)
        while self._scrolls < int(scrolls or 0) and await self._scroll_back():
            pass

    async def compose(self, text: str, price_cents: int = 0, media_ids: Sequence[str] = ()) -> None:
        """Fill the form and make sure that it holds just what was asked.

        Raises:
            MediaMissing: The vault does not hold one of the media.
            SelectorDrift: A part of the form is missing, or holds something else.
        """
        self._held = None
        await self._tab.fill(self._chat.composer.text, text, "chat.composer.text")
        if price_cents:
            await self._set_price(price_cents)
        if media_ids:
            await self._attach(media_ids)
        facts = await self._tab.run(scripts.READ_COMPOSER, self._places())
        held = Held(**facts) if facts else None
        if held is None or not same_text(held, text):
            raise await self._tab.drift("The form holds another text.", "chat.composer.text")
        if (parse_cents(held.price) if held.price else 0) != price_cents:
            raise await self._tab.drift("The form holds another price.", "chat.composer.price")
        if held.media != sorted(media_ids):
            raise await self._tab.drift("The form holds other media.", "chat.composer.media")
        self._held = held
        self._wanted = (self._tab.profile.normalise(text), price_cents)

    async def mark(self) -> Mark:
        """Return now, on the clocks that ``click`` will judge by."""
        return Mark(**await self._tab.run(scripts.READ_CLOCKS))

    async def click(self, mark: Mark, within_seconds: float) -> bool:
        """Press send, unless ``within_seconds`` since ``mark`` have passed on either clock.

        Returns:
            True if the button was pressed. False if it certainly was not; ``refusal`` says why.

        Raises:
            Trouble: Nobody can say whether the button was pressed.
        """
        if self._held is None:
            raise RuntimeError("compose the message before sending it")
        arguments = {
            **self._places(),
            "mark": asdict(mark),
            "milliseconds": within_seconds * 1000,
            "held": asdict(self._held),
            "identity": self._identity,
            "signs": self._tab.signs(),
        }
        answer = await self._tab.run(scripts.CLICK_SEND, arguments, seconds=within_seconds)
        self.refusal = None if answer == "clicked" else answer
        return self.refusal is None

    async def confirmation(self, timeout: float) -> str:
        """Wait until the message just sent shows; return the platform's id of it.

        Raises:
            Trouble: It did not show; the platform may have accepted it all the same.
        """
        end = asyncio.get_running_loop().time() + timeout
        seen: list[str] = []
        while (left := end - asyncio.get_running_loop().time()) > 0:
            arguments = {**self._rows(), "after": self.newest_message_id, "seen": seen}
            found = await self._tab.wait(scripts.AWAIT_OWN, left, **arguments)
            fresh = [message_of(facts) for facts in found["messages"]] if found else []
            for message in reversed(fresh):
                if self._is_wanted(message):
                    self.newest_message_id = message.id
                    return message.id
            seen += [message.id for message in fresh]
        raise NavigationTimeout(f"The message did not show within {timeout:g} s.")

    async def reload(self) -> None:
        """Load the thread again past every cache, to read it."""
        await self._tab.reload()
        await self._look(for_reading=True)

    async def own_messages_after(self, baseline: str | None) -> ReadBack:
        """Reload the page past every cache and return what stands after ``baseline``.

        Args:
            baseline: The newest message before the send; None if there was none at all.
        """
        await self.reload()
        ids = [message.id for message in self.messages]
        if baseline is None:
            visible, after = self.shows_beginning, self.messages
        else:
            visible = baseline in ids
            after = self.messages[ids.index(baseline) + 1 :] if visible else ()
        own = tuple(message for message in after if message.own) if visible else ()
        return ReadBack(visible, own)

    async def unsend(self, message_id: str) -> bool:
        """Take a message back.

        Returns:
            Whether it was there; either way it is not in the thread any more.

        Raises:
            NavigationTimeout: It is still there.
            MessageTooOld: It is so far back that it was not found.
        """
        unsend = self._chat.unsend
        if unsend is None:
            raise await self._tab.drift("The profile knows no way to unsend.", "chat.unsend")
        if not await self._find(message_id):
            return False
        arguments = {**self._rows(), "id": message_id, "button": unsend.button}
        if await self._tab.run(scripts.CLICK_UNSEND, arguments) == "button_missing":
            raise await self._tab.drift("There is no button to unsend.", "chat.unsend.button")
        await self._press(unsend.confirm, "chat.unsend.confirm")
        limit = self._tab.profile.navigation_seconds
        if not await self._tab.wait(scripts.AWAIT_ABSENT, limit, **arguments):
            raise NavigationTimeout(f"The message was still there after {limit:g} s.")
        self.messages = tuple(one for one in self.messages if one.id != message_id)
        return True

    async def show_older(self) -> bool:
        """Turn to the page of messages before these; return whether there is one."""
        if self.older is None:
            return False
        if self._chat.earlier is None:
            await self.open(for_reading=True, page=self.older)
            return True
        shown = self._shown
        if not await self._scroll_back():
            return False
        self.messages = tuple(one for one in self.messages if one.id not in shown)
        return True

    async def _scroll_back(self) -> bool:
        """Let the page add what came before; return whether there was anything."""
        earlier = self._chat.earlier
        if earlier is None:
            return False
        found = await self._tab.wait(
            scripts.SCROLL_BACK, earlier.within_seconds, scroll=earlier.scroll, **self._rows()
        )
        if found.get("missing"):
            name = "chat.earlier.scroll"
            raise await self._tab.drift(f"The page does not show {name}.", name)
        if found.get("end"):
            self.older, self._began = None, True
            return False
        self._scrolls += 1
        await self._look(for_reading=True)
        return True

    def _next_place(self) -> str | None:
        """Where the reading goes on, on a page that grows."""
        if not self.messages or self._scrolls >= MOST_SCROLLS:
            return None
        path = path_of(self._tab.profile.thread_url(self.fan_platform_id))
        return f"{path}#{self._scrolls + SCROLLS_AT_ONCE}"

    async def _find(self, message_id: str) -> bool:
        for _ in range(OLDER_PAGES):
            if any(message.id == message_id for message in self.messages):
                return True
            if not await self.show_older():
                return False
        raise MessageTooOld(f"The message is not among the last {OLDER_PAGES} pages.")

    async def _look(self, *, for_reading: bool) -> None:
        """Read the page and make sure whose thread it is."""
        composer = self._chat.composer
        required = {"chat.list": self._chat.list}
        if not for_reading:
            required |= {"chat.composer.text": composer.text, "chat.composer.send": composer.send}
        ignored = frozenset({"fan_blocked"}) if for_reading else frozenset[str]()
        facts = await self._tab.wait(
            scripts.READ_THREAD,
            self._tab.profile.settle_seconds,
            signs=self._tab.signs(ignored=ignored),
            required=required,
            fanId=self._chat.fan_id and self._chat.fan_id.model_dump(),
            fanHandle=self._chat.fan_handle and self._chat.fan_handle.model_dump(),
            empty=self._chat.empty,
            older=self._chat.older,
            **self._rows(),
        )
        if missing := facts.get("missing"):
            detail = f"The page does not show {', '.join(missing)}."
            raise await self._tab.drift(detail, *missing)
        self._check_identity(facts["fanId"], facts["fanHandle"])
        self.messages = tuple(message_of(one) for one in facts["messages"])
        self.newest_message_id = self.messages[-1].id if self.messages else None
        self._shown = frozenset(one.id for one in self.messages)
        self.older = self._next_place() if self.grows else path_of(facts["older"])

    def _check_identity(self, fan_id: str | None, handle: str | None) -> None:
        """Judge by the id where the page shows one: a fan may change the handle at any time."""
        wanted, shown = self._asked_handle, handle
        if self._chat.fan_id is not None:
            same = fan_id == self.fan_platform_id
        else:
            steps = unquote(urlsplit(self._tab.page.url).path).split("/")
            same = self.fan_platform_id in steps and bool(wanted)
            same = same and _bare_handle(shown) == _bare_handle(wanted)
        if not same:
            raise WrongThread("The page shows another fan.")
        self.handle = _bare_handle(shown) or wanted
        places = ((self._chat.fan_id, fan_id), (self._chat.fan_handle, handle))
        self._identity = [
            (place.model_dump(), value) for place, value in places if place and value is not None
        ]

    async def _set_price(self, price_cents: int) -> None:
        price = self._chat.composer.price
        if price is None:
            raise await self._tab.drift("The profile knows no price.", "chat.composer.price")
        await self._press(price.open, "chat.composer.price.open")
        amount = f"{price_cents // 100}.{price_cents % 100:02}"
        await self._tab.fill(price.field, amount, "chat.composer.price.field")
        await self._press(price.confirm, "chat.composer.price.confirm")

    async def _attach(self, media_ids: Sequence[str]) -> None:
        picker = self._chat.composer.media
        if picker is None:
            raise await self._tab.drift("The profile knows no media.", "chat.composer.media")
        await self._press(picker.open, "chat.composer.media.open")
        for medium in media_ids:
            item = picker.item.replace("{id}", re.sub(r'(["\\])', r"\\\1", medium))
            if not await self._tab.press(item):
                raise MediaMissing("The vault does not hold the medium.")
        await self._press(picker.confirm, "chat.composer.media.confirm")

    async def _press(self, selector: str | None, name: str) -> None:
        """Press what the profile names, if it names anything."""
        if selector and not await self._tab.press(selector):
            raise await self._tab.drift(f"{name} is not there to be pressed.", name)

    def _is_wanted(self, message: ThreadMessage) -> bool:
        shown = (self._tab.profile.normalise(message.text), message.price_cents)
        return shown == self._wanted

    def _rows(self) -> dict[str, Any]:
        wrappers = [one.model_dump() for one in self._tab.profile.texts.link_wrappers]
        return {"message": self._chat.message.model_dump(), "wrappers": wrappers}

    def _places(self) -> dict[str, Any]:
        return {"composer": self._chat.composer.model_dump()}


def path_of(url: str | None) -> str | None:
    """Return the path and the query of an address: what of it may be kept and gone back to."""
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def same_text(held: Held, text: str) -> bool:
    """Whether the form holds a text that was written into it."""
    if held.exact:
        return held.text == with_plain_breaks(text)
    # Rendered markup has line breaks of its own.
    return held.text.split() == text.split()


def _bare_handle(handle: str | None) -> str | None:
    return handle.strip().lstrip("@").casefold() if handle else None
