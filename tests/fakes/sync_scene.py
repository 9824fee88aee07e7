"""One creator on the fan platform and in the database, whose lane a test drains."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from playwright.async_api import Browser

from browser_worker.lane import Ending, Lane
from browser_worker.ledger import LaneLedger
from browser_worker.profile import load_profile
from browser_worker.site import Credentials, Site
from browser_worker.steps import Step, nobody
from browser_worker.workbench import Workbench
from huntaze.db import Connection, SingleConnection
from huntaze.domain.outbound import commands
from huntaze.ids import new_id
from local.fan_platform.client import FanPlatform
from tests.fakes.creator_desk import LEASE, Desk

ALL = "SELECT * FROM fans WHERE creator_id = %s ORDER BY platform_id, id"


class Sessions:
    """Storage states in memory."""

    def __init__(self) -> None:
        self.states: dict[UUID, dict[str, Any]] = {}

    def load(self, _workspace_id: UUID, creator_id: UUID) -> dict[str, Any] | None:
        """Return what was kept."""
        return self.states.get(creator_id)

    def save(self, _workspace_id: UUID, creator_id: UUID, state: dict[str, Any]) -> None:
        """Keep a state."""
        self.states[creator_id] = state

    def renew(self, workspace_id: UUID, creator_id: UUID, state: dict[str, Any]) -> bool:
        """Keep the state of a browser that was open."""
        self.save(workspace_id, creator_id, state)
        return True

    def forget(self, creator_id: UUID) -> None:
        """Keep nothing."""
        self.states.pop(creator_id, None)


class Watched(LaneLedger):
    """A ledger that tells what the lane does, and can die before it stores a page."""

    def __init__(
        self,
        *arguments: Any,
        happened: list[str],
        threads: list[str],
        on_page: Callable[[], None],
    ) -> None:
        super().__init__(*arguments)
        self._happened = happened
        self._threads = threads
        self._on_page = on_page

    async def store_page(self, sync: Any, *arguments: Any, **named: Any) -> None:
        """Store a page, if the test lets it."""
        self._on_page()
        await super().store_page(sync, *arguments, **named)
        self._happened.append(f"{sync.kind} {sync.pages}")

    async def store_thread(self, thread: Any, *arguments: Any, **named: Any) -> None:
        """Store a page of a thread, if the test lets it."""
        self._on_page()
        await super().store_thread(thread, *arguments, **named)
        self._threads.append(thread.fan_platform_id)

    async def confirm(self, send_id: UUID, platform_message_id: str) -> bool:
        """Confirm a message."""
        self._happened.append("sent")
        return await super().confirm(send_id, platform_message_id)


class Scene:
    """One creator on the platform and in the database."""

    def __init__(
        self,
        desk: Desk,
        name: str,
        platform: FanPlatform,
        browser: Browser,
        connect: Callable[[], Connection],
    ) -> None:
        self.desk = desk
        self.name = name
        self.platform = platform
        self.happened: list[str] = []
        # Whose threads were read, page by page.
        self.threads: list[str] = []
        self.on_step: Callable[[Step], None] = nobody
        self.on_page: Callable[[], None] = lambda: None
        self.profile = load_profile("fan_platform", base_url=platform.url)
        self.sessions = Sessions()
        self._bench = Workbench(
            browser=browser,
            sessions=self.sessions,  # type: ignore[arg-type]
            load_profile=lambda _: self.profile,
            observe=self._step_done,
            leaving=lambda: False,
            hand_over_seconds=60,
        )
        # The lane works in threads of its own, while the test looks on.
        self._source = SingleConnection(connect)

    async def log_in(self) -> None:
        """Keep a fresh session, as a login does."""
        site = await self.open_site()
        state = await site.storage_state()
        self.sessions.save(self.desk.workspace_id, self.desk.creator_id, state)
        await site.close()

    async def open_site(self) -> Site:
        """Log in as the creator does in a browser of their own."""
        site = await Site.open(self._bench.browser, self.profile)
        await site.login(Credentials(self.name, self.name))
        return site

    def request(self, *kinds: str) -> None:
        """Order syncs, or a login."""
        with self.desk.app.transaction() as connection:
            for kind in kinds:
                commands.request(
                    connection,
                    workspace_id=self.desk.workspace_id,
                    creator_id=self.desk.creator_id,
                    kind=kind,
                    payload={"secret_id": "s"} if kind == "connect" else {},
                    requested_by=self.desk.user_id,
                )

    async def drain(self) -> Ending:
        """Hold the lane until it is left, as one life of a worker."""
        claim = self.desk.claim(holder=str(new_id()))
        ledger = Watched(
            self._source,
            claim,
            LEASE,
            happened=self.happened,
            threads=self.threads,
            on_page=self._page_read,
        )
        try:
            return await Lane(self._bench, claim, ledger).drain()
        finally:
            await ledger.release()

    def _page_read(self) -> None:
        self.on_page()

    def _step_done(self, step: Step) -> None:
        self.on_step(step)

    def orders(self) -> list[dict[str, Any]]:
        """The creator's orders, oldest first."""
        return self.desk.rows(
            "SELECT kind, state, payload, result, due_at FROM creator_commands"
            " WHERE creator_id = %s ORDER BY created_at, id",
            self.desk.creator_id,
        )

    def fans(self) -> dict[str | None, dict[str, Any]]:
        """The creator's fans by platform id."""
        return {row["platform_id"]: row for row in self.desk.rows(ALL, self.desk.creator_id)}

    def plan(self, *kinds: str, whole: bool = False) -> None:
        """Order syncs that nobody has asked for, as the sweeper does."""
        with self.desk.app.transaction() as connection:
            for kind in kinds:
                connection.execute(
                    "INSERT INTO creator_commands (workspace_id, creator_id, kind, payload)"
                    " VALUES (%s, %s, %s, %s)",
                    (
                        self.desk.workspace_id,
                        self.desk.creator_id,
                        kind,
                        json.dumps({"periodic": True, "full": whole}),
                    ),
                )

    def messages(self, fan: str) -> list[dict[str, Any]]:
        """What is stored of the thread with a fan, oldest first."""
        return self.desk.rows(
            "SELECT m.* FROM messages m JOIN fans f ON f.id = m.fan_id"
            " WHERE m.creator_id = %s AND f.platform_id = %s ORDER BY m.sent_at, m.id",
            self.desk.creator_id,
            fan,
        )

    def conversation(self, fan: str) -> dict[str, Any]:
        """The conversation with a fan."""
        (row,) = self.desk.rows(
            "SELECT c.* FROM conversations c JOIN fans f ON f.id = c.fan_id"
            " WHERE c.creator_id = %s AND f.platform_id = %s",
            self.desk.creator_id,
            fan,
        )
        return row

    def suppressed(self) -> list[tuple[str, str]]:
        """Whom nobody may write to, and why."""
        rows = self.desk.rows(
            "SELECT f.platform_id, s.reason FROM suppressions s JOIN fans f"
            " ON f.creator_id = s.creator_id AND f.platform_key = s.platform_key"
            " WHERE s.creator_id = %s ORDER BY 1",
            self.desk.creator_id,
        )
        return [(row["platform_id"], row["reason"]) for row in rows]
