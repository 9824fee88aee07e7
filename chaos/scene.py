"""The corner of one scenario: its creators, campaigns, queue, workers, and its sweeper."""

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
import psycopg
from psycopg import sql

from chaos.evidence import read_ledger, read_truth
from chaos.judge import Case, RateRule, Recipient, Verdict, judge
from chaos.striking import Strike
from chaos.workers import WorkerProcess
from chaos.world import SESSIONS_TABLE, World
from huntaze import clients
from huntaze.db import SingleConnection, Tenant
from huntaze.domain.browser_sessions import SessionStore
from huntaze.domain.outbound import commands, lanes, planning
from huntaze.domain.outbound.states import Priority
from huntaze.domain.outbound.texts import parse
from huntaze.ids import new_id
from local.fan_platform.client import FanPlatform
from local.settings import HOST

# As the sweeper of `functions/lanes`, which comes once a minute: waiting teaches nothing here.
SWEEP_SECONDS = 0.7
TEXT = "Hi {display_name|there}, a word from me: see you tonight?"


@dataclass(frozen=True)
class Creator:
    """A creator with an account on the platform, and who is planned to hear of them."""

    id: UUID
    platform_id: str
    password: str
    fans: tuple[str, ...]
    rule: RateRule

    def to(self, fan: str) -> Recipient:
        """Name one of the fans as the judge does."""
        return Recipient(self.platform_id, fan)


class Scene:
    """One scenario's corner of the world.

    Args:
        world: The servers.
        name: Unique in the world.
        seed: Makes every draw of this scene, with its name.
        fifo: False for a queue that keeps no order and may wake many workers for one creator.

    Attributes:
        planned: Whom the scene has planned to write to, one entry for each message.
        evidence_gone: Whose outcome the scene's own fault has made unknowable.
    """

    def __init__(self, world: World, name: str, seed: int, *, fifo: bool = True) -> None:
        self.world = world
        self.name = name
        self.random = random.Random(f"{seed}:{name}")
        self.platform = FanPlatform(world.settings.fan_platform_url)
        self.creators: list[Creator] = []
        self.planned: list[Recipient] = []
        self.evidence_gone: set[Recipient] = set()
        self._workers: list[WorkerProcess] = []
        self._fifo = fifo
        self._queue_url = clients.sqs().create_queue(
            QueueName=f"{name}.fifo" if fifo else name,
            Attributes={"FifoQueue": "true"} if fifo else {},
        )["QueueUrl"]
        self._over = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, daemon=True)
        self._sweeper.start()

    def close(self) -> None:
        """End its workers and its sweeper."""
        self._over.set()
        for worker in self._workers:
            worker.end()
        self._sweeper.join()
        self.platform.close()

    def add_creator(self, fans: int, *, per_minute: int = 240, gap_seconds: float = 0.1) -> Creator:
        """Make a creator who is logged in, with fans who have heard nothing yet."""
        number = len(self.creators) + 1
        platform_id = f"{self.name}-{number}"
        creator = Creator(
            id=new_id(),
            platform_id=platform_id,
            password=f"of {platform_id}",
            fans=tuple(f"{platform_id}-fan{index:03}" for index in range(1, fans + 1)),
            rule=RateRule(per_minute, timedelta(seconds=gap_seconds)),
        )
        self.platform.add_creator(platform_id, platform_id, creator.password)
        self.platform.add_fans(
            platform_id, [{"platform_id": fan, "handle": fan} for fan in creator.fans]
        )
        self._store(creator)
        self._log_in(creator)
        self.creators.append(creator)
        return creator

    def plan(self, creator: Creator, text: str = TEXT) -> UUID:
        """Plan a running campaign to all of a creator's fans."""
        campaign_id = self.begin_campaign(creator)
        self.freeze(creator, campaign_id, text)
        self.planned += [creator.to(fan) for fan in creator.fans]
        return campaign_id

    def begin_campaign(self, creator: Creator) -> UUID:
        """Make a running campaign without an audience."""
        campaign_id = new_id()
        with self.world.connect("superuser") as connection:
            connection.execute(
                "INSERT INTO campaigns (workspace_id, id, creator_id, name, status, variants,"
                " created_by) VALUES (%s, %s, %s, 'Chaos', 'sending', '[]', %s)",
                (self.world.workspace_id, campaign_id, creator.id, new_id()),
            )
        return campaign_id

    def freeze(self, creator: Creator, campaign_id: UUID, text: str) -> None:
        """Write a campaign's rows into the ledger; whether they are to be counted is open."""
        plan = planning.CampaignPlan(
            workspace_id=self.world.workspace_id,
            creator_id=creator.id,
            campaign_id=campaign_id,
            platform="fan_platform",
            rules=(sql.SQL("true"), {}),
            variants=[planning.Variant("A", parse(text), 1)],
            authorship=planning.Authorship("person"),
        )
        with self.tenant().transaction() as connection:
            planning.plan_campaign(connection, plan)

    def plan_person(self, creator: Creator, fans: Sequence[str], text: str) -> None:
        """Plan messages that a person wrote, which nothing paces but the rate rule itself."""
        with self.tenant().transaction() as connection:
            for fan in fans:
                row = connection.execute(
                    "SELECT id FROM fans WHERE creator_id = %s AND platform_id = %s",
                    (creator.id, fan),
                ).fetchone()
                if row is None:
                    raise LookupError(fan)
                send = planning.DirectSend(
                    workspace_id=self.world.workspace_id,
                    creator_id=creator.id,
                    fan_id=row[0],
                    text=text,
                    authorship=planning.Authorship("person"),
                    priority=Priority.PERSON,
                )
                planning.plan_direct(connection, send)
        self.planned += [creator.to(fan) for fan in fans]

    def start_worker(
        self,
        strike: Strike | None = None,
        *,
        module: str = "chaos.worker_main",
        **environment: str,
    ) -> WorkerProcess:
        """Start a worker; it gets the wake-ups of this scene alone."""
        number = len(self._workers) + 1
        worker = WorkerProcess(
            module,
            {
                **self.world.worker_environment(self._queue_url),
                **(strike.environment() if strike else {}),
                **environment,
            },
            self.world.settings.log_dir / f"{self.name}-{number}.log",
        )
        self._workers.append(worker)
        return worker

    def wake(self, creator_ids: Sequence[UUID]) -> None:
        """Send wake-ups, as the sweeper does."""
        for creator_id in creator_ids:
            body = json.dumps({"creator_id": str(creator_id)})
            if self._fifo:
                clients.sqs().send_message(
                    QueueUrl=self._queue_url,
                    MessageBody=body,
                    MessageGroupId=str(creator_id),
                    MessageDeduplicationId=str(new_id()),
                )
            else:
                clients.sqs().send_message(QueueUrl=self._queue_url, MessageBody=body)

    def await_settled(self, seconds: float = 60) -> bool:
        """Wait until no send is planned or being submitted; return whether that came."""
        return self.await_ledger(
            "SELECT NOT EXISTS (SELECT FROM sends WHERE creator_id = ANY (%s)"
            " AND state IN ('planned', 'submitting'))",
            seconds,
        )

    def require_stopped(self, reason: str | None = None, seconds: float = 60) -> None:
        """Wait until trouble has stopped every lane of the scene.

        Raises:
            TimeoutError: It did not.
            ValueError: It stopped them for another reason.
        """
        lanes_of = "FROM creator_lanes WHERE creator_id = ANY (%s)"
        if not self.await_ledger(f"SELECT bool_and(status = 'stopped') {lanes_of}", seconds):
            raise TimeoutError("the lane was not stopped")
        found = self.ask(f"SELECT min(stop_reason) {lanes_of}")
        if reason not in (None, found):
            raise ValueError(f"the lane was stopped for {found}")

    def await_ledger(self, question: str, seconds: float) -> bool:
        """Ask the ledger of this scene's creators until it says yes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # Postgres may just be starting again.
            with suppress(psycopg.OperationalError):
                if self.ask(question):
                    return True
            time.sleep(0.15)
        return False

    def ask(self, question: str) -> object:
        """Ask the ledger one thing about this scene's creators."""
        ids = [creator.id for creator in self.creators]
        with self.world.connect("superuser") as connection:
            row = connection.execute(question.encode(), (ids,)).fetchone()
        return None if row is None else row[0]

    def resume(self, creator: Creator) -> None:
        """Let a stopped lane move, as a person does who has seen to the trouble."""
        with self.tenant().transaction() as connection:
            lanes.activate(connection, creator.id)

    def reconnect(self, creator: Creator) -> None:
        """Order a new login, as a person does whose session has expired."""
        secret_id = f"chaos/{creator.platform_id}"
        clients.secrets().create_secret(
            Name=secret_id,
            SecretString=json.dumps(
                {"username": creator.platform_id, "password": creator.password}
            ),
        )
        with self.tenant().transaction() as connection:
            commands.request(
                connection,
                workspace_id=self.world.workspace_id,
                creator_id=creator.id,
                kind="connect",
                payload={"secret_id": secret_id},
                requested_by=new_id(),
            )

    def tenant(self) -> Tenant:
        """Open transactions of the workspace, with the role of the API."""
        return Tenant(SingleConnection(lambda: self.world.connect("app")), self.world.workspace_id)

    def verdict(self, accepted_within: timedelta | None) -> Verdict:
        """Judge the scene by ledger and truth as they are now."""
        names = {creator.id: creator.platform_id for creator in self.creators}
        with self.world.connect("superuser") as connection:
            rows = read_ledger(connection, names)
        truth = read_truth(self.platform, names.values())
        rules = {creator.platform_id: creator.rule for creator in self.creators}
        return judge(Case(self.planned, rows, truth, rules, self.evidence_gone, accepted_within))

    def _store(self, creator: Creator) -> None:
        workspace_id = self.world.workspace_id
        with self.world.connect("superuser") as connection, connection.transaction():
            connection.execute(
                "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
                " VALUES (%s, %s, 'fan_platform', %s, 'Chaos')",
                (workspace_id, creator.id, creator.platform_id),
            )
            connection.execute(
                "INSERT INTO creator_lanes (workspace_id, creator_id, platform, status,"
                " stop_reason, messages_per_minute, min_gap_ms)"
                " VALUES (%s, %s, 'fan_platform', 'active', NULL, %s, %s)",
                (
                    *(workspace_id, creator.id, creator.rule.messages_per_minute),
                    int(creator.rule.min_gap / timedelta(milliseconds=1)),
                ),
            )
            connection.execute(
                "INSERT INTO fans (workspace_id, creator_id, platform_id, platform_key, handle,"
                " display_name, status)"
                " SELECT %s, %s, fan, sha256(convert_to(fan, 'UTF8')), fan,"
                " 'Robin ' || number, 'active'"
                " FROM unnest(%s::text[]) WITH ORDINALITY AS fans (fan, number)",
                (workspace_id, creator.id, list(creator.fans)),
            )

    def _log_in(self, creator: Creator) -> None:
        with httpx.Client(base_url=self.platform.url) as client:
            client.post(
                "/login", data={"username": creator.platform_id, "password": creator.password}
            )
            cookies = [
                {"name": name, "value": value, "domain": HOST, "path": "/", "expires": -1}
                | {"httpOnly": True, "secure": False, "sameSite": "Lax"}
                for name, value in client.cookies.items()
            ]
        SessionStore(SESSIONS_TABLE, self.world.sessions_key_arn).save(
            self.world.workspace_id, creator.id, {"cookies": cookies, "origins": []}
        )

    def _sweep(self) -> None:
        while not self._over.wait(SWEEP_SECONDS):
            with suppress(psycopg.OperationalError):
                with self.world.connect("relay") as connection:
                    due = {row[0] for row in connection.execute("SELECT lanes_with_due_work()")}
                self.wake([one.id for one in list(self.creators) if one.id in due])


@contextmanager
def open_scene(world: World, name: str, seed: int, *, fifo: bool = True) -> Iterator[Scene]:
    """Open a corner of the world while the block lasts."""
    scene = Scene(world, name, seed, fifo=fifo)
    try:
        yield scene
    finally:
        scene.close()
