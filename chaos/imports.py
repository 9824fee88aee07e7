"""Imports whose runs die or stand still: the rows end as if nothing had happened."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from chaos.import_files import import_file
from chaos.import_main import LEASE_SECONDS, VARIABLE, ImportStrike
from chaos.judge import Verdict
from chaos.scenario import Scenario, Stage
from chaos.workers import WorkerProcess
from chaos.world import World
from functions.fans.imports.models import ImportKind, WakeUp
from functions.fans.imports.repository import PostgresImports
from functions.fans.imports.service import StoredFile
from huntaze import clients
from huntaze.db import SingleConnection, Tenant
from huntaze.ids import new_id
from local import aws
from local.postgres import DATABASE
from local.settings import HOST, ROOT

KILLS = 10
_STOPS = 3
_LIFE_SECONDS = 60
_MOMENTS: tuple[Literal["before", "during", "after"], ...] = ("before", "during", "after")
# Each is of a creator of its own, so keys differ; one column is drawn at random, the rest are
# clocks and what a run needs.
_OWN = {
    "fans": "id creator_id platform_key bucket created_at updated_at",
    "transactions": "id creator_id fan_id recorded_at",
    "imports": "id creator_id upload_id etag created_by created_at finished_at fence"
    " leased_until idle_runs",
}
_ROWS = sql.SQL(
    "SELECT (to_jsonb(t) - %s::text[])::text FROM {} t WHERE creator_id = %s ORDER BY 1"
)
_TAGS = (
    "SELECT f.platform_id, t.tag FROM fan_tags t JOIN fans f ON f.id = t.fan_id"
    " WHERE t.creator_id = %s ORDER BY 1, 2"
)
_PAID = (
    "SELECT t.transaction_id, f.platform_id FROM transactions t JOIN fans f ON f.id = t.fan_id"
    " WHERE t.creator_id = %s ORDER BY 1"
)


def scenarios() -> Iterator[Scenario]:
    """List them."""
    kinds: tuple[ImportKind, ...] = ("fans", "transactions")
    for kind in kinds:
        yield Scenario(f"import_kills-{kind}", partial(_kills, kind))
    yield Scenario("import_stops", _stops)


def _kills(kind: ImportKind, stage: Stage) -> Verdict:
    """Kill the run of an import at seeded round trips, ten times and more, and let it end."""
    chance = random.Random(f"{stage.seed} {stage.name}")
    with _importer(stage, kind) as importer:
        undisturbed, round_trips = importer.undisturbed()
        wake_up = importer.begin()
        kills = KILLS * (5 if stage.long else 1)
        for _ in range(kills):
            # So early that the import outlives all of them.
            nth = chance.randint(1, max(round_trips // kills, 2))
            life = importer.start(wake_up, ImportStrike(nth, chance.choice(_MOMENTS)))
            life.await_death()
        importer.finish(wake_up)
        return _compare(stage.world, undisturbed, wake_up.creator_id)


def _stops(stage: Stage) -> Verdict:
    """Let runs stand still until others have gone on; they must find that they are too late."""
    chance = random.Random(f"{stage.seed} {stage.name}")
    with _importer(stage, "fans") as importer:
        undisturbed, round_trips = importer.undisturbed()
        wake_up = importer.begin()
        stalled = []
        for _ in range(_STOPS):
            nth = chance.randint(1, round_trips // (2 * _STOPS))
            life = importer.start(wake_up, ImportStrike(nth, "before", signal.SIGSTOP))
            life.await_stop()
            stalled.append(life)
            time.sleep(LEASE_SECONDS)
        importer.finish(wake_up)
        for life in stalled:
            life.resume()
            life.await_end(_LIFE_SECONDS)
        return _compare(stage.world, undisturbed, wake_up.creator_id)


@dataclass
class Importer:
    """Imports one file for creators of their own, run by run."""

    world: World
    kind: ImportKind
    content: bytes
    bucket: str
    environment: dict[str, str]
    lives: int = 0

    def undisturbed(self) -> tuple[UUID, int]:
        """Import the file in one go; return whose it is and how many round trips it took."""
        wake_up = self.begin()
        told = self.finish(wake_up)
        return wake_up.creator_id, int(told["round_trips"])

    def begin(self) -> WakeUp:
        """Make a creator, upload the file for it and ask for its import."""
        workspace_id, creator_id = self.world.workspace_id, new_id()
        with self.world.connect("superuser") as connection:
            connection.execute(
                "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
                " VALUES (%s, %s, 'fan_platform', %s, 'Chaos')",
                (workspace_id, creator_id, f"import-{creator_id}"),
            )
        tenant = Tenant(SingleConnection(lambda: self.world.connect("app")), workspace_id)
        imports = PostgresImports(tenant, new_id())
        expires_at = datetime.now(UTC) + timedelta(hours=1)
        upload = imports.add_upload(new_id(), creator_id, expires_at)
        etag = clients.s3().put_object(
            Bucket=self.bucket, Key=f"incoming/{workspace_id}/{upload.id}", Body=self.content
        )["ETag"]
        file = StoredFile(etag, len(self.content))
        report = imports.add_import(upload, self.kind, file, None)
        return WakeUp(workspace_id=workspace_id, creator_id=creator_id, import_id=report.id)

    def start(self, wake_up: WakeUp, strike: ImportStrike | None) -> WorkerProcess:
        """Start a run."""
        self.lives += 1
        order = {
            "wake_up": wake_up.model_dump(mode="json"),
            "strike": strike and asdict(strike),
            "story": str(self._story(wake_up)),
        }
        return WorkerProcess(
            "chaos.import_main",
            {**self.environment, VARIABLE: json.dumps(order)},
            self.world.settings.log_dir / f"import-{wake_up.import_id}-{self.lives}.log",
        )

    def finish(self, wake_up: WakeUp) -> dict[str, Any]:
        """Let a run come to its end; return what it wrote down."""
        self.start(wake_up, None).await_end(_LIFE_SECONDS)
        told: dict[str, Any] = json.loads(self._story(wake_up).read_text())
        return told

    def _story(self, wake_up: WakeUp) -> Path:
        return self.world.scratch / f"import-{wake_up.import_id}-{self.lives}.json"


@contextmanager
def _importer(stage: Stage, kind: ImportKind) -> Iterator[Importer]:
    """Make what the stacks would, as far as a run uses it."""
    world, name = stage.world, stage.name.replace("_", "-")
    clients.s3().create_bucket(Bucket=name)
    password = conninfo_to_dict(world.addresses["app"])["password"]
    secret = clients.secrets().create_secret(
        Name=f"chaos/database/{name}",
        SecretString=json.dumps({"username": "app", "password": password}),
    )
    environment = {
        **aws.root_environment(world.settings),
        "PYTHONPATH": os.pathsep.join(
            str(ROOT / part) for part in (".", "layers/common/python", "containers")
        ),
        "PYTHONUNBUFFERED": "1",
        "STAGE": "chaos",
        "IMPORTS_BUCKET": name,
        "IMPORTS_QUEUE_URL": "none",
        "DATABASE_HOST": HOST,
        "DATABASE_PORT": str(world.settings.postgres_port),
        "DATABASE_NAME": DATABASE,
        "DATABASE_TLS": "disable",
        "DATABASE_SECRET_ARN": secret["ARN"],
    }
    content = import_file(kind, 9000, stage.seed)
    yield Importer(world, kind, content, name, environment)


def _compare(world: World, undisturbed: UUID, disturbed: UUID) -> Verdict:
    """Hold every row of one creator against every row of the other."""
    findings: list[str] = []
    more = less = 0
    with world.connect("superuser") as connection:
        for table in ("fans", "fan_tags", "paid", "transactions", "imports"):
            expected, found = (
                [str(row) for row in _rows(connection, table, creator)]
                for creator in (undisturbed, disturbed)
            )
            if expected != found:
                findings.append(_difference(table, expected, found))
                more += max(len(found) - len(expected), 0)
                less += max(len(expected) - len(found), 0)
        status = connection.execute(
            "SELECT status FROM imports WHERE creator_id = %s", (disturbed,)
        ).fetchone()
    if status != ("completed",):
        findings.append(f"the import is {status}")
    return Verdict(planned=0, outcomes={}, duplicates=more, losses=less, findings=findings)


def _rows(connection: Any, table: str, creator_id: UUID) -> list[tuple[object, ...]]:  # noqa: ANN401
    if table in ("fan_tags", "paid"):
        query = _TAGS if table == "fan_tags" else _PAID
        found = connection.execute(query, (creator_id,))
    else:
        statement = _ROWS.format(sql.Identifier(table))
        found = connection.execute(statement, (_OWN[table].split(), creator_id))
    rows: list[tuple[object, ...]] = found.fetchall()
    return rows


def _difference(table: str, expected: list[str], found: list[str]) -> str:
    lost, new = set(expected) - set(found), set(found) - set(expected)
    first = [row[:300] for row in (*sorted(lost)[:1], *sorted(new)[:1])]
    return (
        f"{table}: {len(expected)} rows undisturbed, {len(found)} disturbed;"
        f" {len(lost)} differ: {' / '.join(first)}"
    )
