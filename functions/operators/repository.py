"""Operators and figures in Postgres, each seen through the functions that its role may call."""

from datetime import timedelta
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.operators.models import (
    Budgets,
    FlagChange,
    FlagDraft,
    GrantOrder,
    Lanes,
    Operator,
    Outcome,
    ReadmissionOrder,
    Work,
    Workflows,
)
from huntaze.db import ConnectionSource
from huntaze.flags import Flag

_CHANGES_TOLD = 10


class PostgresOperators:
    """What operators' commands change.

    Args:
        source: Lends a connection with the role ``operations``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def change(self, order: GrantOrder) -> Outcome:
        """Give or take the role, and note by whom and why."""
        with self._source.connection() as connection:
            row = connection.execute(
                "SELECT set_platform_operator(%s, %s, %s, %s)",
                (order.email, order.action == "grant", order.by, order.reason),
            ).fetchone()
        return Outcome.UNCHANGED if row is None else Outcome(row[0])

    def readmit(self, order: ReadmissionOrder) -> Outcome:
        """Let an address take mails again, and note by whom and why."""
        with self._source.connection() as connection:
            row = connection.execute(
                "SELECT readmit_address(%s, %s, %s)", (order.email, order.by, order.reason)
            ).fetchone()
        return Outcome.READMITTED if row and row[0] else Outcome.UNCHANGED

    def all(self) -> list[Operator]:
        """List them, the oldest first."""
        with (
            self._source.connection() as connection,
            connection.cursor(row_factory=class_row(Operator)) as cursor,
        ):
            return cursor.execute("SELECT * FROM list_platform_operators()").fetchall()


class PostgresFigures:
    """Figures of all workspaces together, and rows of none.

    Args:
        source: Lends a connection with the role ``auditor``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def migration(self) -> str:
        """The newest migration that was applied."""
        with self._source.connection() as connection:
            row = connection.execute("SELECT max(name) FROM schema_migrations").fetchone()
        return str(row[0]) if row else ""

    def lanes(self, patience: timedelta) -> Lanes:
        """How many lanes have work, and how many of them got nowhere for ``patience``."""
        with (
            self._source.connection() as connection,
            connection.cursor(row_factory=class_row(Lanes)) as cursor,
        ):
            cursor.execute(
                "SELECT at_work, stalled, lanes_held_by_restore() AS held_by_restore"
                " FROM lane_figures(%s)",
                (patience,),
            )
            (found,) = cursor.fetchall()
        return found

    def waiting_work(self) -> list[Work]:
        """What waits, by what it waits for."""
        with (
            self._source.connection() as connection,
            connection.cursor(row_factory=class_row(Work)) as cursor,
        ):
            return cursor.execute(
                "SELECT kind, waiting, extract(epoch FROM oldest)::float AS oldest_seconds"
                " FROM waiting_work()"
            ).fetchall()

    def budgets(self) -> Budgets:
        """What models have cost."""
        with (
            self._source.connection() as connection,
            connection.cursor(row_factory=class_row(Budgets)) as cursor,
        ):
            (found,) = cursor.execute("SELECT * FROM ai_budget_figures()").fetchall()
        return found

    def workflows(self) -> Workflows:
        """How far campaigns are that models prepare."""
        with (
            self._source.connection() as connection,
            connection.cursor(row_factory=class_row(Workflows)) as cursor,
        ):
            (found,) = cursor.execute("SELECT * FROM workflow_figures()").fetchall()
        return found


class PostgresFlagLog:
    """Who ordered which change of a flag.

    Args:
        source: Lends a connection with the role ``auditor``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def order(self, draft: FlagDraft, by: UUID) -> UUID:
        """Write down what was ordered, by whom and why."""
        rollout = Jsonb(draft.rollout().model_dump(mode="json"))
        with self._source.connection() as connection:
            row = connection.execute(
                "SELECT order_flag_change(%s, %s, %s, %s, %s)",
                (draft.flag.value, draft.version + 1, rollout, by, draft.reason),
            ).fetchone()
        if row is None:
            raise LookupError("order_flag_change answers with one row")
        change_id: UUID = row[0]
        return change_id

    def settle(self, change_id: UUID, *, applied: bool) -> None:
        """Write down whether the store took it."""
        with self._source.connection() as connection:
            connection.execute("SELECT settle_flag_change(%s, %s)", (change_id, applied))

    def newest(self, flag: Flag) -> list[FlagChange]:
        """The last changes of a flag, the newest first."""
        with (
            self._source.connection() as connection,
            connection.cursor(row_factory=class_row(FlagChange)) as cursor,
        ):
            return cursor.execute(
                "SELECT * FROM list_flag_changes(%s, %s)", (flag.value, _CHANGES_TOLD)
            ).fetchall()
