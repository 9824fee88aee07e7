"""Runs in Postgres: begun for what happened, and taken on step by step.

Everything that a step does is in one transaction with the row that says so. Whoever dies leaves the
step untaken; whoever comes twice finds it taken.
"""

import logging
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from functions.automations import candidates
from functions.automations.candidates import Candidates
from functions.automations.desk import PostgresDesk, Whose
from functions.automations.models import Definition, Once, TakenStep
from functions.automations.service import Progress, advance
from functions.automations.triggers import OnDate, PpvNotOpened
from huntaze.db import Connection, Tenant
from huntaze.domain import happenings
from huntaze.domain.audience import compile_rules
from huntaze.domain.outbound import syncs

# Of one look.
BATCH = 200
AT_ONCE = 5_000
# After so many failures that nobody expected a run is given up.
MAX_TROUBLES = 5

log = logging.getLogger(__name__)

_AUTOMATIONS = """
  SELECT a.id, a.creator_id, a.enabled_at, v.definition
    FROM automations a
    JOIN automation_versions v ON v.workspace_id = a.workspace_id AND v.automation_id = a.id
     AND v.version = a.version
"""
_LISTENING = (
    _AUTOMATIONS
    + " WHERE a.enabled_at IS NOT NULL AND a.creator_id = ANY (%s) AND a.listens = ANY (%s)"
    " ORDER BY a.id FOR UPDATE OF a"
)
_LOOKING = (
    _AUTOMATIONS + " WHERE a.enabled_at IS NOT NULL AND a.look_at <= statement_timestamp()"
    " ORDER BY a.look_at, a.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED"
)

# The automation's row is held: two of these never run at once for the same one, so that the pause
# between two runs of a fan holds, too.
_BEGIN = sql.SQL("""
  INSERT INTO automation_runs (workspace_id, creator_id, automation_id, version, fan_id, turn,
                               happened_at, depth, step)
  SELECT DISTINCT ON (f.id) a.workspace_id, a.creator_id, a.id, a.version, f.id, t.turn,
         c.happened_at, c.depth, %(first)s
    FROM ({candidates}) c
    JOIN fans f ON f.id = c.fan_id
    JOIN automations a ON a.id = %(automation)s AND a.workspace_id = f.workspace_id
   CROSS JOIN LATERAL (SELECT CASE WHEN %(once)s THEN 'once' ELSE c.turn END AS turn) t
   WHERE {audience}
     AND NOT EXISTS (
       SELECT FROM automation_runs r
        WHERE r.workspace_id = f.workspace_id AND r.automation_id = %(automation)s
          AND r.fan_id = f.id
          AND (r.turn = t.turn OR %(once)s
               OR (r.happened_at > c.happened_at - %(pause)s
                   AND r.happened_at < c.happened_at + %(pause)s)))
   ORDER BY f.id, c.happened_at, t.turn
   LIMIT %(at_once)s
  ON CONFLICT (workspace_id, automation_id, fan_id, turn) DO NOTHING
""")
_DUE = """
  SELECT id, automation_id FROM automation_runs
   WHERE status = 'waiting' AND due_at <= statement_timestamp()
   ORDER BY due_at, id LIMIT %s
"""
# The automation before the run, as whoever disables it does.
_HOLD = "SELECT FROM automations WHERE id = %s FOR SHARE"
_TAKE = """
  SELECT r.id, r.creator_id, r.automation_id, r.fan_id, r.step, r.depth, v.definition,
         v.created_by, clock_timestamp() AS now,
         (SELECT count(*) FROM automation_steps s
           WHERE s.workspace_id = r.workspace_id AND s.run_id = r.id) AS taken
    FROM automation_runs r
    JOIN automation_versions v ON v.workspace_id = r.workspace_id
     AND v.automation_id = r.automation_id AND v.version = r.version
   WHERE r.id = %s AND r.status = 'waiting' AND r.due_at <= clock_timestamp()
     FOR UPDATE OF r SKIP LOCKED
"""
_PUT_OFF = """
  UPDATE automation_runs
     SET troubles = troubles + 1,
         due_at = clock_timestamp() + (2 ^ troubles) * interval '1 minute',
         status = CASE WHEN troubles + 1 < %(most)s THEN 'waiting' ELSE 'failed' END,
         step = CASE WHEN troubles + 1 < %(most)s THEN step END,
         reason = CASE WHEN troubles + 1 < %(most)s THEN NULL
                       ELSE 'the step failed again and again; nothing of it was done' END,
         finished_at = CASE WHEN troubles + 1 < %(most)s THEN NULL ELSE clock_timestamp() END
   WHERE id = %(run)s AND status = 'waiting'
"""


class _Listening(NamedTuple):
    id: UUID
    creator_id: UUID
    enabled_at: datetime
    definition: dict[str, Any]


class _Taken(NamedTuple):
    id: UUID
    creator_id: UUID
    automation_id: UUID
    fan_id: UUID
    step: str
    depth: int
    definition: dict[str, Any]
    created_by: UUID
    now: datetime
    taken: int


class PostgresRuns:
    """The runs of one workspace.

    Args:
        tenant: Whose.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        # Whose lanes have something new to do.
        self.woken: set[UUID] = set()
        self.told = False

    def hear(self) -> int:
        """Begin runs for a batch of what happened; return how much of it was looked at."""
        with self._tenant.transaction() as connection:
            with connection.cursor(row_factory=class_row(happenings.Noted)) as reading:
                batch = reading.execute(
                    "SELECT id, creator_id, kind, happened_at FROM happenings"
                    " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                    (BATCH,),
                ).fetchall()
            if not batch:
                return 0
            ids = [one.id for one in batch]
            with connection.cursor(row_factory=class_row(_Listening)) as reading:
                listening = reading.execute(
                    _LISTENING,
                    (
                        list({one.creator_id for one in batch}),
                        list({one.kind.value for one in batch}),
                    ),
                ).fetchall()
            begun = 0
            for one in listening:
                said = Definition.model_validate(one.definition)
                meant = candidates.heard(said.trigger, ids, since=one.enabled_at)
                # One of each fan at a time, so that each is held against those before it.
                while more := _begin(connection, one, said, meant):
                    begun += more
            happenings.forget(connection, ids)
        log.info("happenings were looked at", extra={"happenings": len(ids), "runs": begun})
        return len(ids)

    def look(self) -> bool:
        """Begin runs that the clock starts, of one automation; return whether there was one."""
        with self._tenant.transaction() as connection:
            with connection.cursor(row_factory=class_row(_Listening)) as reading:
                one = reading.execute(_LOOKING).fetchone()
            if one is None:
                return False
            said = Definition.model_validate(one.definition)
            meant = candidates.looked_for(said.trigger, since=one.enabled_at)
            begun = 0 if meant is None else _begin(connection, one, said, meant)
            if isinstance(said.trigger, PpvNotOpened):
                self._ask_for_earnings(connection, one, said.trigger)
            if not begun:
                # A moment comes once.
                over = isinstance(said.trigger, OnDate)
                every = None if over else said.trigger.looks_every
                connection.execute(
                    "UPDATE automations SET look_at = clock_timestamp() + %s::interval"
                    " WHERE id = %s",
                    (every, one.id),
                )
        log.info("an automation was looked after", extra={"runs": begun})
        return True

    def go_on(self) -> int:
        """Take the next steps of runs that are due; return how many there were."""
        with self._tenant.transaction() as connection:
            due = connection.execute(_DUE, (BATCH,)).fetchall()
        for run_id, automation_id in due:
            try:
                self._go_on(run_id, automation_id)
            except Exception:
                # One run's trouble must not hold the others.
                log.exception("a run could not go on", extra={"run_id": str(run_id)})
                with self._tenant.transaction() as connection:
                    connection.execute(_PUT_OFF, {"run": run_id, "most": MAX_TROUBLES})
        return len(due)

    def _ask_for_earnings(
        self, connection: Connection, one: _Listening, trigger: PpvNotOpened
    ) -> None:
        values = candidates.offer_values(trigger.hours, one.enabled_at)
        unknown = connection.execute(
            candidates.OFFERS_UNKNOWN,
            {**values, "creator": one.creator_id, "automation": one.id},
        ).fetchone()
        if unknown == (True,):
            syncs.request_earnings(
                connection, workspace_id=self._tenant.workspace_id, creator_id=one.creator_id
            )
            self.woken.add(one.creator_id)

    def _go_on(self, run_id: UUID, automation_id: UUID) -> None:
        with self._tenant.transaction() as connection:
            connection.execute(_HOLD, (automation_id,))
            with connection.cursor(row_factory=class_row(_Taken)) as reading:
                run = reading.execute(_TAKE, (run_id,)).fetchone()
            if run is None:
                # Somebody else has it, or it was stopped meanwhile.
                return
            # What its steps start says how far it is from what began it all.
            connection.execute(
                "SELECT set_config('app.automation_depth', %s, true)", (str(run.depth + 1),)
            )
            whose = Whose(
                self._tenant.workspace_id,
                run.creator_id,
                run.automation_id,
                run.fan_id,
                run.created_by,
            )
            said = Definition.model_validate(run.definition)
            progress = advance(said, run.step, PostgresDesk(connection, whose), now=run.now)
            self._note(connection, run, progress)
        if any(step.send_id for step in progress.taken):
            self.woken.add(run.creator_id)
        self.told = self.told or any(
            step.kind in ("notify", "start_campaign") for step in progress.taken
        )

    def _note(self, connection: Connection, run: _Taken, progress: Progress) -> None:
        for number, step in enumerate(progress.taken, start=run.taken + 1):
            self._note_step(connection, run, number, step)
        status = "waiting"
        if progress.step is None:
            status = "completed" if progress.failure is None else "failed"
        connection.execute(
            "UPDATE automation_runs SET status = %(status)s, step = %(step)s, reason = %(why)s,"
            " due_at = coalesce(%(due)s, due_at), troubles = 0,"
            " finished_at = CASE WHEN %(status)s = 'waiting' THEN NULL"
            "                    ELSE clock_timestamp() END WHERE id = %(run)s",
            {
                "status": status,
                "step": progress.step,
                "why": progress.failure,
                "due": progress.due_at,
                "run": run.id,
            },
        )

    def _note_step(self, connection: Connection, run: _Taken, number: int, step: TakenStep) -> None:
        connection.execute(
            "INSERT INTO automation_steps (workspace_id, creator_id, run_id, step, number, kind,"
            " outcome, reason, send_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                self._tenant.workspace_id,
                run.creator_id,
                run.id,
                step.step,
                number,
                step.kind,
                step.outcome,
                step.reason,
                step.send_id,
            ),
        )


def _begin(connection: Connection, one: _Listening, said: Definition, meant: Candidates) -> int:
    audience: sql.Composable = sql.SQL("f.erased_at IS NULL")
    values: dict[str, object] = {}
    if said.audience is not None:
        audience, values = compile_rules(said.audience)
    query = _BEGIN.format(candidates=sql.SQL(meant.query), audience=audience)
    return connection.execute(
        query,
        {
            **values,
            **meant.values,
            "creator": one.creator_id,
            "automation": one.id,
            "first": said.steps[0].id,
            "once": isinstance(said.repeat, Once),
            "pause": said.pause or timedelta(0),
            "at_once": AT_ONCE,
        },
    ).rowcount
