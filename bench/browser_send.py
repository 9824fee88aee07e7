"""A message through the worker's own path, against a bare script that clicks the same things.

python -m bench.browser_send [--long]

Ours opens the thread, writes the text, asks the ledger for the grant, clicks, reads the platform's
answer and settles the row, on a real Postgres; the bare script only clicks. At most 1.3 times it,
message by message in turn.
"""

import argparse
import asyncio
import statistics
import sys
import time
from datetime import timedelta

from playwright.async_api import Browser, Page, async_playwright
from psycopg_pool import ConnectionPool

from bench.scratch import Scratch, scratch_database
from browser_worker.chromium import launch
from browser_worker.delivery import deliver
from browser_worker.ledger import LaneLedger
from browser_worker.profile import SiteProfile, load_profile
from browser_worker.site import Credentials, Site
from browser_worker.steps import nobody
from huntaze.domain.outbound import lanes, planning
from huntaze.domain.outbound.states import Priority, SendState
from local.fan_platform.client import FanPlatform, running_platform
from local.processes import free_port

LIMIT = 1.3
PASSWORD = "bench"  # noqa: S105 - of an account that lives as long as this run
AHEAD = timedelta(seconds=1)


def main() -> int:
    """Measure and compare; the exit status says whether the figure holds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="300 messages instead of 60")
    messages = 300 if options.parse_args().long else 60
    with (
        scratch_database() as scratch,
        running_platform(scratch.folder / "platform", free_port()) as platform,
    ):
        _people(platform, scratch, messages)
        ours, bare = asyncio.run(_measure(platform, scratch, messages))
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"browser_send: {messages} messages each, in turn")
    for name, taken in (("worker", ours), ("bare", bare)):
        p95 = sorted(taken)[int(0.95 * len(taken))]
        print(f"  {name:7} median {statistics.median(taken):6.1f} ms   p95 {p95:6.1f} ms")
    print(f"  {ratio:.2f} x the bare script, at most {LIMIT}")
    return 0 if ratio <= LIMIT else 1


def _people(platform: FanPlatform, scratch: Scratch, messages: int) -> None:
    """Fans for both: ours are in the ledger, too."""
    platform.add_creator("bench", "bench", PASSWORD)
    fans = [{"platform_id": f"{n}", "handle": f"fan{n}"} for n in range(2 * messages)]
    platform.add_fans("bench", fans)
    with scratch.connect(scratch.superuser) as connection, connection.transaction():
        connection.execute(
            "INSERT INTO creator_lanes (workspace_id, creator_id, platform, status, stop_reason,"
            " messages_per_minute, min_gap_ms)"
            " VALUES (%s, %s, 'fan_platform', 'active', NULL, 6000, 0)",
            (scratch.workspace_id, scratch.creator_id),
        )
        for number in range(messages):
            connection.execute(
                "INSERT INTO fans (workspace_id, creator_id, platform_id, platform_key, handle)"
                " VALUES (%s, %s, %s, %s, %s)",
                (
                    *(scratch.workspace_id, scratch.creator_id, f"{number}"),
                    *(number.to_bytes(32), f"fan{number}"),
                ),
            )
        ids = connection.execute("SELECT id FROM fans ORDER BY platform_key").fetchall()
        for number, (fan_id,) in enumerate(ids):
            planning.plan_direct(
                connection,
                planning.DirectSend(
                    scratch.workspace_id,
                    scratch.creator_id,
                    fan_id,
                    f"message {number}",
                    planning.Authorship("person"),
                    Priority.PERSON,
                ),
            )


async def _measure(
    platform: FanPlatform, scratch: Scratch, messages: int
) -> tuple[list[float], list[float]]:
    profile = load_profile("fan_platform", base_url=platform.url)
    # The bench stands in for the worker's role, whose password only the stage knows.
    pool = ConnectionPool(
        scratch.superuser, kwargs={"autocommit": True, "prepare_threshold": None}, open=True
    )
    claim = lanes.claim(pool, scratch.creator_id, holder="bench", lease=timedelta(minutes=30))
    if claim is None:
        raise SystemExit("the lane cannot be claimed")
    ledger = LaneLedger(pool, claim, timedelta(minutes=30))
    ours: list[float] = []
    bare: list[float] = []
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        site = await Site.open(browser, profile)
        await site.login(Credentials("bench", PASSWORD))
        page = await _bare_login(browser, platform.url)
        for number in range(messages):
            ours.append(await _through_worker(site, ledger, profile))
            bare.append(await _bare_send(page, platform.url, str(messages + number)))
        await browser.close()
    pool.close()
    return ours, bare


async def _through_worker(site: Site, ledger: LaneLedger, profile: SiteProfile) -> float:
    started = time.perf_counter()
    view = await ledger.look(AHEAD)
    if view.due is None:
        raise SystemExit("nothing is due")
    delivery = await deliver(site, ledger, profile, view.due, nobody)
    if delivery.outcome != SendState.SENT:
        raise SystemExit(f"a message was not sent: {delivery}")
    return (time.perf_counter() - started) * 1000


async def _bare_login(browser: Browser, url: str) -> Page:
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{url}/login")
    await page.fill("#login-name", "bench")
    await page.fill("#login-password", PASSWORD)
    await page.click("#login-submit")
    await page.wait_for_url("**/chats")
    return page


async def _bare_send(page: Page, url: str, fan: str) -> float:
    started = time.perf_counter()
    await page.goto(f"{url}/chats/{fan}")
    await page.fill("#message-text", f"bare {fan}")
    await page.click("#send-message")
    await page.wait_for_selector(f".message.out:has-text('bare {fan}')")
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
