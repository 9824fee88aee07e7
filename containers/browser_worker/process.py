"""One worker process: logging, database pool, browser, signals."""

import asyncio
import logging
import signal
from functools import partial

from playwright.async_api import async_playwright
from psycopg_pool import ConnectionPool

from browser_worker.chromium import launch
from browser_worker.profile import SiteProfile, load_profile
from browser_worker.settings import WorkerSettings
from browser_worker.steps import Observer, nobody
from browser_worker.tracing import Tracer, put_segments
from browser_worker.workbench import Workbench
from browser_worker.worker import Worker
from huntaze import logs
from huntaze.db import login
from huntaze.domain.browser_sessions import SessionStore
from huntaze.settings import DatabaseSettings, load

log = logging.getLogger(__name__)


class BrowserGoneError(RuntimeError):
    """The browser died; whoever started the worker starts it again."""


def _open_pool(settings: DatabaseSettings, most: int) -> ConnectionPool:
    pool = ConnectionPool(
        # Asked for each connection: a password that was rotated meanwhile is read anew.
        kwargs=partial(login, settings, name="browser_worker"),
        min_size=1,
        max_size=most,
        # A database that restarted must not fail the first lane that comes after.
        check=ConnectionPool.check_connection,
        open=False,
    )
    pool.open(wait=True, timeout=30)
    return pool


async def run(observe: Observer = nobody) -> None:
    """Work until SIGTERM; then finish the send in hand, hand the lanes over and return.

    Args:
        observe: Told of every step of every send; tests strike there.
    """
    logs.start("browser_worker")
    settings = load(WorkerSettings)
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    pool = await asyncio.to_thread(_open_pool, load(DatabaseSettings), settings.most_lanes)
    tracer = Tracer(put_segments if settings.traces else None)
    try:
        async with async_playwright() as playwright:
            browser = await launch(playwright)
            # Without its browser the worker is of no use: it hands over, and a new one starts.
            browser.on("disconnected", lambda _: leaving.set())
            bench = Workbench(
                browser=browser,
                sessions=SessionStore(settings.of_sessions_table, settings.sessions_key_arn),
                load_profile=partial(_load_profile, settings),
                observe=observe,
                leaving=leaving.is_set,
                hand_over_seconds=settings.hand_over_seconds,
                tracer=tracer,
                screenshots_bucket=settings.screenshots_bucket,
            )
            log.info("the worker is up")
            telling = asyncio.create_task(tracer.run())
            await Worker(settings, pool, bench, leaving).run()
            telling.cancel()
            await tracer.flush()
            if not browser.is_connected():
                raise BrowserGoneError("the browser ended by itself")
            await browser.close()
    finally:
        await asyncio.to_thread(pool.close)
    log.info("the worker is gone")


def _load_profile(settings: WorkerSettings, name: str) -> SiteProfile:
    return load_profile(name, base_url=settings.site_base_urls.get(name))
