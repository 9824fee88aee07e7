"""Walk a profile read-only and say, selector by selector, what the site shows.

``python -m browser_worker.check PROFILE [--base-url URL] [--user NAME] [--thread FAN]``

It logs in with your own account, opens pages and counts elements. It writes into nothing but the
login form and presses nothing else, so some parts (an open vault, a price) stay unseen.
"""

import argparse
import asyncio
import getpass
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import async_playwright

from browser_worker.chromium import launch
from browser_worker.profile import Chat, Listing, Located, SiteProfile, load_profile
from browser_worker.site import Credentials, Site
from browser_worker.trouble import Trouble, TwoFactorChallenge

Verdict = Literal["found", "missing", "optional", "trouble"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one selector met.

    Attributes:
        verdict: ``optional`` is an absence that may be right, such as no price on any message.
    """

    page: str
    name: str
    selector: str
    verdict: Verdict
    detail: str


class Walk:
    """A read-only walk through the pages of a profile."""

    def __init__(self, site: Site, profile: SiteProfile) -> None:
        self._site = site
        self._profile = profile
        self.findings: list[Finding] = []

    async def pages(self, fan: str | None) -> list[Finding]:
        """Visit the lists and one thread; return what was found."""
        listings = self._profile.listings
        account = self._profile.login.account
        signed_in = {"signed_in": self._profile.login.signed_in}
        if account and account.selector:
            signed_in["account"] = account.selector
        await self._visit("threads", listings.threads.path, signed_in, {})
        for name in ("threads", "subscribers", "earnings"):
            await self._listing(name, getattr(listings, name))
        fan = fan or await self._some_fan()
        if fan is None:
            self._report("thread", "chat", self._profile.chat.path, "trouble", "no chat to open")
        else:
            await self._thread(fan)
        return self.findings

    async def _listing(self, page: str, listing: Listing) -> None:
        """A list may well be empty, so rows are optional; where there are rows, their fields."""
        fields = {name: _within(listing.row, place) for name, place in listing.fields.items()}
        optional = {"row": listing.row, **fields}
        if listing.next:
            optional["next"] = listing.next
        await self._visit(page, listing.path, {"list": listing.list}, optional)

    async def _thread(self, fan: str) -> None:
        path = self._profile.thread_url(fan).removeprefix(self._profile.base_url)
        chat = self._profile.chat
        await self._visit("thread", path, _needed_to_send(chat), _seen_in_messages(chat))
        try:
            await self._site.open_thread(fan, for_reading=True)
        except Trouble as trouble:
            self._report("thread", "read as a whole", path, "trouble", _said(trouble))
        else:
            self._report("thread", "read as a whole", path, "found", "identity and messages agree")

    async def _visit(
        self, page: str, path: str, needed: Mapping[str, str], optional: Mapping[str, str]
    ) -> None:
        try:
            counts = await self._site.count_on(path, needed, optional)
        except Trouble as trouble:
            self._report(page, "page", path, "trouble", _said(trouble))
            return
        for name, selector in (*needed.items(), *optional.items()):
            absent: Verdict = "missing" if name in needed else "optional"
            count = counts[name]
            self._report(page, name, selector, "found" if count else absent, f"{count}")

    async def _some_fan(self) -> str | None:
        try:
            async for page in self._site.threads():
                for row in page.items:
                    return row.fan_platform_id
        except Trouble as trouble:
            path = self._profile.listings.threads.path
            self._report("threads", "read as a whole", path, "trouble", _said(trouble))
        return None

    def _report(self, page: str, name: str, selector: str, verdict: Verdict, detail: str) -> None:
        self.findings.append(Finding(page, name, selector, verdict, detail))


def _needed_to_send(chat: Chat) -> dict[str, str]:
    """Return what every thread must show."""
    composer = chat.composer
    selectors = {
        "list": chat.list,
        "fan_id": chat.fan_id and chat.fan_id.selector,
        "fan_handle": chat.fan_handle and chat.fan_handle.selector,
        "composer.text": composer.text,
        "composer.send": composer.send,
        "composer.price": composer.price and (composer.price.open or composer.price.field),
        "composer.media.open": composer.media and composer.media.open,
    }
    return {name: selector for name, selector in selectors.items() if selector}


def _seen_in_messages(chat: Chat) -> dict[str, str]:
    """Return what a thread shows only if it holds such a message."""
    message = chat.message
    names = ("id", "price", "media", "at", "paid", "opened", "tip")
    places: dict[str, Located | None] = {name: getattr(message, name) for name in names}
    selectors = {
        "empty": chat.empty,
        "older": chat.older,
        "earlier.scroll": chat.earlier and chat.earlier.scroll,
        "message.row": message.row,
        "message.own": f":is({message.row}):is({message.own})",
        "message.text": f":is({message.row}) {message.text}",
        "unsend.button": chat.unsend and f":is({message.row}) {chat.unsend.button}",
    }
    selectors |= {f"message.{name}": _within(message.row, at) for name, at in places.items() if at}
    return {name: selector for name, selector in selectors.items() if selector}


def _within(row: str, place: Located) -> str:
    attribute = f"[{place.attribute}]" if place.attribute else ""
    if place.selector is None:
        return f":is({row}){attribute}"
    return f":is({row}) :is({place.selector}){attribute}"


def table(findings: list[Finding]) -> str:
    """Return the findings as lines for a person."""
    rows = [("page", "part", "verdict", "count", "selector")]
    rows += [(f.page, f.name, f.verdict, f.detail, f.selector) for f in findings]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    )


def is_sound(findings: list[Finding]) -> bool:
    """Return whether nothing that a send needs is missing."""
    return not any(finding.verdict in {"missing", "trouble"} for finding in findings)


async def check(
    profile: SiteProfile,
    *,
    credentials: Credentials | None,
    state: dict[str, object] | None = None,
    fan: str | None = None,
) -> list[Finding]:
    """Log in, unless ``state`` still is, and walk."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        try:
            site = await Site.open(browser, profile, state)
            if credentials is not None:
                await _log_in(site, credentials)
            return await Walk(site, profile).pages(fan)
        finally:
            await browser.close()


async def _log_in(site: Site, credentials: Credentials) -> None:
    try:
        await site.login(credentials)
    except TwoFactorChallenge:
        await site.enter_code(await asyncio.to_thread(input, "Code: "))


def _said(trouble: Trouble) -> str:
    return f"{trouble.code}: {trouble}"


def main() -> int:
    """Run the walk that the command line asks for."""
    parser = argparse.ArgumentParser(prog="browser_worker.check", description=__doc__)
    parser.add_argument("profile")
    parser.add_argument("--base-url", help="where the platform answers, if not where it says")
    parser.add_argument("--user", help="log in with this name; the password is asked for")
    parser.add_argument("--state", type=Path, help="a storage state of a browser of your own")
    parser.add_argument("--thread", metavar="FAN", help="the fan whose chat is opened")
    arguments = parser.parse_args()
    profile = load_profile(arguments.profile, base_url=arguments.base_url)
    credentials = None
    if arguments.user:
        password = os.environ.get("FAN_PLATFORM_PASSWORD") or getpass.getpass()
        credentials = Credentials(arguments.user, password)
    state = json.loads(arguments.state.read_text()) if arguments.state else None
    if credentials is None and state is None:
        parser.error("give --user or --state: the pages are a creator's own")
    sys.stdout.write(f"{profile.name}: {profile.note}\n\n")
    try:
        findings = asyncio.run(
            check(profile, credentials=credentials, state=state, fan=arguments.thread)
        )
    except Trouble as trouble:
        sys.stdout.write(f"login: {_said(trouble)}\n")
        return 1
    sys.stdout.write(table(findings) + "\n")
    return 0 if is_sound(findings) else 1


if __name__ == "__main__":
    sys.exit(main())
