"""The common algorithm, as a control: it moves its checkpoint when it fetches, or after it sent.

It drives the same pages with the same browser and is struck at the same steps; it differs in the
ledger alone: no lease, no grant, no baseline, no read-back. Run as a program it is a worker.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Literal
from uuid import UUID

import psycopg
from playwright.async_api import async_playwright

from browser_worker.chromium import launch
from browser_worker.settings import WorkerSettings
from browser_worker.site import Site
from browser_worker.steps import Observer, Step
from chaos.impatience import ACCEPTED_SECONDS, SUBMIT_SECONDS, load_impatient_profile
from chaos.judge import Verdict
from chaos.scenario import Scenario, Stage
from chaos.striking import Strike, Striker
from chaos.worker_main import follow_parent
from huntaze import clients
from huntaze.db import Connection, connect
from huntaze.domain.browser_sessions import SessionStore
from huntaze.settings import DatabaseSettings, load

type Checkpoint = Literal["fetched", "sent"]

MODULE = "chaos.control"
# Its own idea of a rate rule; what it shows is not about that.
GAP_SECONDS = 0.3
KILLS = (Step.OPENED, Step.COMPOSED, Step.GRANTED, Step.CLICKED, Step.SEEN)


def scenarios() -> Iterator[Scenario]:
    """List them."""
    for checkpoint in ("fetched", "sent"):
        yield Scenario(f"control-{checkpoint}-calm", partial(_play, checkpoint, ()))
    yield Scenario("control-fetched", partial(_play, "fetched", KILLS), must_show="losses")
    yield Scenario("control-sent", partial(_play, "sent", KILLS), must_show="duplicates")


def _play(checkpoint: Checkpoint, kills: tuple[Step, ...], stage: Stage) -> Verdict:
    with stage.scene() as scene:
        scene.plan(scene.add_creator(len(kills) + 3))
        for step in kills:
            scene.start_worker(
                Strike(step, 1), module=MODULE, CHAOS_CHECKPOINT=checkpoint
            ).await_death()
        scene.start_worker(module=MODULE, CHAOS_CHECKPOINT=checkpoint)
        scene.await_settled()
        # Its checkpoint may be ahead of its messages.
        time.sleep(ACCEPTED_SECONDS)
        return scene.verdict(None)


async def _work(checkpoint: Checkpoint, observe: Observer) -> None:
    settings = load(WorkerSettings)
    profile = load_impatient_profile(
        "fan_platform", base_url=settings.site_base_urls["fan_platform"]
    )
    sessions = SessionStore(settings.of_sessions_table, settings.sessions_key_arn)
    with connect(load(DatabaseSettings)) as database:
        async with async_playwright() as playwright:
            browser = await launch(playwright)
            while True:
                creator_id = _fetch(settings)
                if creator_id is None:
                    continue
                workspace_id = _enter(database, creator_id)
                state = sessions.load(workspace_id, creator_id)
                site = await Site.open(browser, profile, state)
                while (send := _next(database, creator_id)) is not None:
                    await _send(site, database, send, checkpoint, observe)
                await site.close()


def _fetch(settings: WorkerSettings) -> UUID | None:
    """Take a wake-up and forget it: nothing brings it back but the sweeper."""
    answer = clients.sqs().receive_message(QueueUrl=settings.lanes_queue_url, WaitTimeSeconds=5)
    for message in answer.get("Messages", []):
        clients.sqs().delete_message(
            QueueUrl=settings.lanes_queue_url, ReceiptHandle=message["ReceiptHandle"]
        )
        return UUID(json.loads(message["Body"])["creator_id"])
    return None


async def _send(
    site: Site,
    database: Connection,
    send: dict[str, Any],
    checkpoint: Checkpoint,
    observe: Observer,
) -> None:
    observe(Step.CLAIMED)
    if checkpoint == "fetched":
        _mark_sent(database, send["id"])
    thread = await site.open_thread(send["platform_id"], send["handle"])
    observe(Step.OPENED)
    await thread.compose(send["text"])
    observe(Step.COMPOSED)
    mark = await thread.mark()
    observe(Step.ASKING)
    observe(Step.GRANTED)
    await thread.click(mark, SUBMIT_SECONDS)
    observe(Step.CLICKED)
    message_id = await thread.confirmation(ACCEPTED_SECONDS)
    observe(Step.SEEN)
    if checkpoint == "sent":
        _mark_sent(database, send["id"])
    database.execute(
        "UPDATE sends SET platform_message_id = %s WHERE id = %s", (message_id, send["id"])
    )
    observe(Step.SETTLED)
    await asyncio.sleep(GAP_SECONDS)


def _enter(database: Connection, creator_id: UUID) -> UUID:
    """Stay in the creator's workspace; a lease so short that it is over at once only finds it."""
    row = database.execute(
        "SELECT workspace_id FROM claim_lane(%s, 'control', '0')", (creator_id,)
    ).fetchone()
    if row is None:
        raise LookupError(f"creator {creator_id} has no lane")
    workspace_id: UUID = row[0]
    database.execute("SELECT set_config('app.workspace_id', %s, false)", (str(workspace_id),))
    return workspace_id


def _next(database: Connection, creator_id: UUID) -> dict[str, Any] | None:
    with database.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(
            "SELECT s.id, s.text, f.platform_id, f.handle FROM sends s"
            " JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id"
            " WHERE s.creator_id = %s AND s.state = 'planned' ORDER BY s.id LIMIT 1",
            (creator_id,),
        ).fetchone()


def _mark_sent(database: Connection, send_id: UUID) -> None:
    """Move the checkpoint; the ledger's trigger wants to see a submission on the way."""
    with database.transaction():
        database.execute(
            "UPDATE sends SET state = 'submitting', granted_at = clock_timestamp(),"
            " submit_until = clock_timestamp(), readable_at = clock_timestamp() + interval '1 s'"
            " WHERE id = %s",
            (send_id,),
        )
        database.execute("UPDATE sends SET state = 'sent' WHERE id = %s", (send_id,))


def _checkpoint() -> Checkpoint:
    return "fetched" if os.environ["CHAOS_CHECKPOINT"] == "fetched" else "sent"


if __name__ == "__main__":
    follow_parent()
    asyncio.run(_work(_checkpoint(), Striker(Strike.ordered())))
