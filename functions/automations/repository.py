"""Automations in Postgres: what they say, and what their runs have done."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.automations.checking import check_references
from functions.automations.desk import RehearsalDesk, Whose, fulfils
from functions.automations.graph import check_chain, check_steps
from functions.automations.history import RUNS
from functions.automations.models import (
    Automation,
    AutomationDraft,
    Definition,
    Rehearsal,
    Run,
    RunStatus,
)
from functions.automations.service import rehearse
from functions.automations.triggers import OnDate, Trigger
from huntaze.db import Connection, Tenant
from huntaze.domain import audit, fans
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound.cancelling import cancel_direct
from huntaze.errors import BadRequestError, ConflictError, InvalidInputError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor
from huntaze.ids import new_id

_SELECT = sql.SQL("""
  SELECT a.id, a.creator_id, a.name, a.version, v.definition, a.enabled_at, a.created_by,
         a.created_at, a.updated_at
    FROM automations a
    JOIN automation_versions v ON v.workspace_id = a.workspace_id AND v.automation_id = a.id
     AND v.version = a.version
   WHERE a.deleted_at IS NULL AND {}
""")

# The runs first: the sweep, which goes the other way, waits for the automation's row before.
_STOP_RUNS = """
  UPDATE automation_runs
     SET status = 'stopped', reason = %s, step = NULL, finished_at = clock_timestamp()
   WHERE automation_id = %s AND status = 'waiting'
"""
_PLANNED = """
  SELECT m.id
    FROM automation_runs r
    JOIN automation_steps s ON s.workspace_id = r.workspace_id AND s.run_id = r.id
    JOIN sends m ON m.workspace_id = s.workspace_id AND m.id = s.send_id
   WHERE r.automation_id = %s AND m.state = 'planned'
"""


class AutomationOverError(ConflictError):
    """The moment that would start the automation has gone by."""


class RunFilter(NamedTuple):
    """Which runs are meant."""

    fan_id: UUID | None = None
    status: RunStatus | None = None


class PostgresAutomations:
    """The automations of one workspace, as far as the caller may see them.

    Args:
        tenant: Whose.
        user_id: Who calls.
    """

    def __init__(self, tenant: Tenant, user_id: UUID) -> None:
        self._tenant = tenant
        self._user_id = user_id

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open the transaction that all calls share."""
        return self._tenant.transaction()

    def page(self, creator_id: UUID | None, *, limit: int, cursor: str | None) -> Page[Automation]:
        """Read a page of a creator's automations, newest first."""
        condition = "a.creator_id = %(creator)s AND (%(after)s::uuid IS NULL OR a.id < %(after)s)"
        query = _SELECT.format(sql.SQL(condition)) + sql.SQL(" ORDER BY a.id DESC LIMIT %(rows)s")
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Automation)) as reading,
        ):
            creator_id = resolve_creator(connection, creator_id)
            values = {"creator": creator_id, "after": _position(cursor), "rows": limit + 1}
            found = reading.execute(query, values).fetchall()
        return _page(found, limit)

    def get(self, automation_id: UUID) -> Automation:
        """Read one.

        Raises:
            NotFoundError: The caller has no such automation.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Automation)) as reading,
        ):
            query = _SELECT.format(sql.SQL("a.id = %s"))
            found = reading.execute(query, (automation_id,)).fetchone()
        if found is None:
            raise NotFoundError("There is no such automation in this workspace.")
        return found

    def add(self, draft: AutomationDraft) -> Automation:
        """Store an automation, which is off.

        Raises:
            AutomationLoopError: It would go round for ever.
        """
        automation_id = new_id()
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, draft.creator_id)
            self._check(connection, creator_id, automation_id, draft)
            connection.execute(
                "INSERT INTO automations (workspace_id, id, creator_id, name, created_by)"
                " VALUES (%s, %s, %s, %s, %s)",
                (
                    self._tenant.workspace_id,
                    automation_id,
                    creator_id,
                    draft.name,
                    self._user_id,
                ),
            )
            self._add_version(connection, creator_id, automation_id, 1, draft.definition)
            self._record(connection, "automation.created", automation_id)
            return self.get(automation_id)

    def replace(self, automation_id: UUID, draft: AutomationDraft, *, now: datetime) -> Automation:
        """Give an automation another name and another version; runs under way keep theirs.

        One that is on keeps its trigger's past: what has been looked at is not looked at again. A
        trigger of another kind hears of what happens from now on.

        Raises:
            AutomationLoopError: It would go round for ever.
            AutomationOverError: It is on, and its new moment has gone by.
            InvalidInputError: ``draft`` names another creator.
        """
        with self._tenant.transaction() as connection:
            enabled_at = self._lock(connection, automation_id)
            old = self.get(automation_id)
            if draft.creator_id not in (None, old.creator_id):
                problem = "an automation stays with its creator"
                raise InvalidInputError(f"{problem}.".capitalize(), fields={"creator_id": problem})
            self._check(connection, old.creator_id, automation_id, draft)
            version = old.version
            if draft.definition != old.definition:
                version += 1
                self._add_version(
                    connection, old.creator_id, automation_id, version, draft.definition
                )
            connection.execute(
                "UPDATE automations SET name = %s, version = %s, updated_at = clock_timestamp()"
                " WHERE id = %s",
                (draft.name, version, automation_id),
            )
            said, before = draft.definition.trigger, old.definition.trigger
            if enabled_at is not None and said != before:
                since = enabled_at if said.kind == before.kind else now
                self._listen(connection, automation_id, said, since, now=now)
            self._record(connection, "automation.changed", automation_id, version=version)
            return self.get(automation_id)

    def enable(self, automation_id: UUID, *, now: datetime) -> Automation:
        """Let an automation hear of what happens from now on.

        Raises:
            AutomationLoopError: It would go round for ever.
            PaymentRequiredError: The plan has no automations.
        """
        with self._tenant.transaction() as connection:
            enabled_at = self._lock(connection, automation_id)
            found = self.get(automation_id)
            if enabled_at is None:
                entitlements.require(connection, self._tenant.workspace_id, Feature.AUTOMATIONS)
                self._check_definition(
                    connection, found.creator_id, automation_id, found.name, found.definition
                )
                self._listen(connection, automation_id, found.definition.trigger, now, now=now)
                self._record(connection, "automation.enabled", automation_id, version=found.version)
            return self.get(automation_id)

    def disable(self, automation_id: UUID) -> Automation:
        """Turn an automation off: its runs stop, and what it planned is cancelled."""
        with self._tenant.transaction() as connection:
            if self._lock(connection, automation_id) is not None:
                self._stop(connection, automation_id, "the automation was disabled")
                self._record(connection, "automation.disabled", automation_id)
            return self.get(automation_id)

    def delete(self, automation_id: UUID) -> None:
        """Delete an automation; what it has done stays on record."""
        with self._tenant.transaction() as connection:
            self._lock(connection, automation_id)
            self._stop(connection, automation_id, "the automation was deleted")
            connection.execute(
                "UPDATE automations SET deleted_at = clock_timestamp() WHERE id = %s",
                (automation_id,),
            )
            self._record(connection, "automation.deleted", automation_id)

    def runs(
        self, automation_id: UUID, wanted: RunFilter, *, limit: int, cursor: str | None
    ) -> Page[Run]:
        """Read a page of runs with the steps that they have taken, newest first."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Run)) as reading,
        ):
            self.get(automation_id)
            found = reading.execute(
                RUNS,
                {
                    "automation": automation_id,
                    "fan": wanted.fan_id,
                    "status": wanted.status,
                    "after": _position(cursor),
                    "rows": limit + 1,
                },
            ).fetchall()
        return _page(found, limit)

    def rehearse(self, automation_id: UUID, fan_id: UUID, *, now: datetime) -> Rehearsal:
        """Tell what a run would do with a fan now; nothing is done.

        Raises:
            NotFoundError: The automation's creator has no such fan.
        """
        # All of it in a savepoint that is rolled back, whatever the steps have done.
        with (
            self._tenant.transaction() as connection,
            connection.transaction(force_rollback=True),
        ):
            found = self.get(automation_id)
            if fans.require_fan(connection, fan_id).creator_id != found.creator_id:
                raise NotFoundError("The automation's creator has no such fan.")
            said = found.definition
            whose = Whose(
                self._tenant.workspace_id, found.creator_id, found.id, fan_id, self._user_id
            )
            ran = connection.execute(
                "SELECT FROM automation_runs WHERE automation_id = %s AND fan_id = %s LIMIT 1",
                (automation_id, fan_id),
            ).fetchone()
            progress = rehearse(said, RehearsalDesk(connection, whose), now=now)
            return Rehearsal(
                version=found.version,
                in_audience=said.audience is None or fulfils(connection, fan_id, said.audience),
                had_run=ran is not None,
                status=RunStatus.COMPLETED if progress.failure is None else RunStatus.FAILED,
                reason=progress.failure,
                steps=progress.taken,
            )

    def _check(
        self, connection: Connection, creator_id: UUID, automation_id: UUID, draft: AutomationDraft
    ) -> None:
        entitlements.require(connection, self._tenant.workspace_id, Feature.AUTOMATIONS)
        self._check_definition(connection, creator_id, automation_id, draft.name, draft.definition)

    def _check_definition(
        self,
        connection: Connection,
        creator_id: UUID,
        automation_id: UUID,
        name: str,
        definition: Definition,
    ) -> None:
        check_steps(definition.steps)
        # One after the other: two that are stored at once could be a loop that neither sees.
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('huntaze.automations:' || %s, 0))",
            (str(creator_id),),
        )
        others = self._others(connection, creator_id, automation_id)
        check_chain(name, definition, others)
        check_references(connection, creator_id, definition)

    def _others(
        self, connection: Connection, creator_id: UUID, automation_id: UUID
    ) -> dict[str, Definition]:
        query = _SELECT.format(sql.SQL("a.creator_id = %(creator)s AND a.id <> %(automation)s"))
        with connection.cursor(row_factory=class_row(Automation)) as reading:
            found = reading.execute(
                query, {"creator": creator_id, "automation": automation_id}
            ).fetchall()
        # Names need not be unique; the id keeps two of one name apart.
        return {f"{other.name} ({other.id})": other.definition for other in found}

    def _add_version(
        self,
        connection: Connection,
        creator_id: UUID,
        automation_id: UUID,
        version: int,
        definition: Definition,
    ) -> None:
        connection.execute(
            "INSERT INTO automation_versions (workspace_id, creator_id, automation_id, version,"
            " definition, created_by) VALUES (%s, %s, %s, %s, %s, %s)",
            (
                self._tenant.workspace_id,
                creator_id,
                automation_id,
                version,
                Jsonb(definition.model_dump(mode="json", by_alias=True)),
                self._user_id,
            ),
        )

    def _lock(self, connection: Connection, automation_id: UUID) -> datetime | None:
        """Hold the automation until the transaction ends; return since when it is on."""
        row = connection.execute(
            "SELECT enabled_at FROM automations WHERE id = %s AND deleted_at IS NULL FOR UPDATE",
            (automation_id,),
        ).fetchone()
        if row is None:
            raise NotFoundError("There is no such automation in this workspace.")
        enabled_at: datetime | None = row[0]
        return enabled_at

    def _listen(
        self,
        connection: Connection,
        automation_id: UUID,
        trigger: Trigger,
        since: datetime,
        *,
        now: datetime,
    ) -> None:
        look_at: datetime | None = None if trigger.looks_every is None else now
        if isinstance(trigger, OnDate):
            if trigger.at <= now:
                problem = "the moment has gone by"
                raise AutomationOverError(
                    f"{problem}: {trigger.at.isoformat()}.".capitalize(),
                    fields={"trigger": problem},
                )
            look_at = trigger.at
        connection.execute(
            "UPDATE automations SET enabled_at = %s, listens = %s, look_at = %s,"
            " updated_at = clock_timestamp() WHERE id = %s",
            (since, trigger.listens, look_at, automation_id),
        )

    def _stop(self, connection: Connection, automation_id: UUID, why: str) -> None:
        connection.execute(
            "UPDATE automations SET enabled_at = NULL, listens = NULL, look_at = NULL,"
            " updated_at = clock_timestamp() WHERE id = %s",
            (automation_id,),
        )
        connection.execute(_STOP_RUNS, (why, automation_id))
        planned = connection.execute(_PLANNED, (automation_id,)).fetchall()
        cancel_direct(connection, [row[0] for row in planned])

    def _record(
        self, connection: Connection, action: str, automation_id: UUID, **facts: int
    ) -> None:
        target = audit.Target("automation", automation_id)
        audit.record(connection, action, target, actor_id=self._user_id, facts=facts)


def _position(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    (last,) = decode_cursor(cursor, 1)
    try:
        return UUID(last)
    except ValueError:
        raise BadRequestError(
            "The cursor is of another list; leave it out to start over."
        ) from None


def _page[Item: (Automation, Run)](found: list[Item], limit: int) -> Page[Item]:
    if len(found) <= limit:
        return Page(items=found)
    return Page(items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id))
