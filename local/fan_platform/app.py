"""The application: which address leads to which page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from local.fan_platform import accounts, actions, pages, sim_api
from local.fan_platform.platform import Platform, for_creator
from local.fan_platform.pushing import Pusher
from local.fan_platform.store import Store

STATIC = Path(__file__).with_name("static")


def create_app(data: Path, *, session_lasts: timedelta = timedelta(hours=24)) -> Starlette:
    """Return the platform that keeps its truth in the folder ``data``."""

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        store = Store(data / "fan_platform.sqlite3")
        pusher = Pusher(store)
        app.state.platform = Platform(store, pusher, session_lasts)
        yield
        await pusher.close()
        store.close()

    return Starlette(
        routes=[
            Route("/", pages.front),
            Route("/out", pages.way_out),
            Route("/login", accounts.login_page),
            Route("/login", accounts.login, methods=["POST"]),
            Route("/login/code", accounts.code_page),
            Route("/login/code", accounts.enter_code, methods=["POST"]),
            Route("/subscribers", for_creator(pages.subscribers_page)),
            Route("/chats", for_creator(pages.chats_page)),
            Route("/chats/{fan_id}", for_creator(pages.thread_page)),
            Route("/chats/{fan_id}/messages", for_creator(actions.send), methods=["POST"]),
            Route(
                "/chats/{fan_id}/messages/{message_id}",
                for_creator(actions.unsend),
                methods=["DELETE"],
            ),
            Route("/vault", for_creator(pages.vault)),
            Route("/earnings", for_creator(pages.earnings_page)),
            *sim_api.routes(),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={sim_api.SimError: sim_api.refused},
        lifespan=running,
    )
