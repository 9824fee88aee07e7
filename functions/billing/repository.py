"""Accounts and events in Postgres, for the role ``intake``: what Stripe says is written here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from functions.billing.fold import Notice, Standing
from functions.billing.records import (
    Account,
    Charge,
    Dispute,
    Hint,
    Invoice,
    Seen,
    Subscription,
)
from functions.billing.service import OpenAccount, Outcome
from huntaze import outbox
from huntaze.db import Connection, ConnectionSource, Tenant, Transactions

type Record = type[Subscription | Invoice | Charge | Dispute]

_TABLES: dict[str, Record] = {
    "subscriptions": Subscription,
    "invoices": Invoice,
    "charges": Charge,
    "disputes": Dispute,
}


@dataclass(frozen=True)
class TakenEvent:
    """What the webhook keeps of an event."""

    id: str
    type: str
    object_id: str
    customer_id: str | None
    charge_id: str | None
    livemode: bool
    created_at: datetime


class PostgresEvents(Transactions):
    """The events of all workspaces."""

    def take(self, event: TakenEvent) -> bool:
        """Store an event, once; whether work on it is still to be done."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO stripe_events (id, type, object_id, customer_id, charge_id, livemode,"
                " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
                (
                    event.id,
                    event.type,
                    event.object_id,
                    event.customer_id,
                    event.charge_id,
                    event.livemode,
                    event.created_at,
                ),
            )
            row = connection.execute(
                "SELECT FROM stripe_events WHERE id = %s AND processed_at IS NULL", (event.id,)
            ).fetchone()
        return row is not None

    def find(self, event_id: str) -> Hint | None:
        """Find an event that nobody has worked on."""
        with self.transaction() as connection, connection.cursor(row_factory=class_row(Hint)) as c:
            return c.execute(
                "SELECT id AS event_id, type AS kind, object_id, customer_id, charge_id"
                " FROM stripe_events WHERE id = %s AND processed_at IS NULL",
                (event_id,),
            ).fetchone()

    def close(self, event_id: str, outcome: Outcome) -> None:
        """Say that nothing is left to do."""
        with self.transaction() as connection:
            _close(connection, event_id, outcome)

    def workspace_of(self, customer_id: str) -> UUID | None:
        """Whose customer it is."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT workspace_of_stripe_customer(%s)", (customer_id,)
            ).fetchone()
        return row[0] if row else None

    def waiting(self, since: datetime) -> list[str]:
        """Events that were taken before ``since`` and that nobody has worked on."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT id FROM stripe_events WHERE processed_at IS NULL AND received_at < %s"
                " ORDER BY received_at LIMIT 500",
                (since,),
            )
            return [row[0] for row in rows]

    def due(self) -> list[tuple[UUID, str]]:
        """Workspaces that the sweep has something to do for, and what."""
        with self.transaction() as connection:
            rows = connection.execute("SELECT workspace_id, due FROM billing_due()")
            return [(row[0], row[1]) for row in rows]


class PostgresAccounts:
    """What is known of every workspace's payments.

    Args:
        source: Lends a connection with the role ``intake``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def customer_id(self, workspace_id: UUID) -> str | None:
        """The workspace's customer at Stripe, if it ever came to that."""
        with Tenant(self._source, workspace_id).transaction() as connection:
            row = connection.execute(
                "SELECT stripe_customer_id FROM billing_accounts WHERE workspace_id = %s",
                (workspace_id,),
            ).fetchone()
        return row[0] if row else None

    def take_ticket(self, workspace_id: UUID) -> int:
        """Take the next ticket; what is seen after it belongs to it.

        That somebody is about to look is noted, too: the next look without an event is a day off.
        """
        with Tenant(self._source, workspace_id).transaction() as connection:
            row = connection.execute(
                "UPDATE billing_accounts SET tickets = tickets + 1, looked_at = clock_timestamp()"
                " WHERE workspace_id = %s RETURNING tickets",
                (workspace_id,),
            ).fetchone()
        if row is None:
            raise LookupError(f"workspace {workspace_id} has no account")
        return int(row[0])

    def is_erased(self, workspace_id: UUID) -> bool:
        """Whether a workspace is being erased, or gone."""
        with Tenant(self._source, workspace_id).transaction() as connection:
            row = connection.execute(
                "SELECT FROM erasures WHERE workspace_id = %s AND kind = 'workspace'"
                " AND state IN ('erasing', 'done')",
                (workspace_id,),
            ).fetchone()
        return row is not None

    @contextmanager
    def for_event(self, workspace_id: UUID, event_id: str) -> Iterator[OpenAccount | None]:
        """Open an account for an event and close the event with it; None when that was done."""
        with Tenant(self._source, workspace_id).transaction() as connection:
            opened = _OpenAccount(connection, workspace_id)
            # Behind the account's lock: two deliveries of one event are one after the other.
            row = connection.execute(
                "SELECT FROM stripe_events WHERE id = %s AND processed_at IS NULL", (event_id,)
            ).fetchone()
            if row is None:
                yield None
                return
            yield opened
            _close(connection, event_id, Outcome.APPLIED)

    @contextmanager
    def opened(self, workspace_id: UUID) -> Iterator[OpenAccount]:
        """Open an account; nobody else changes it until the block ends."""
        with Tenant(self._source, workspace_id).transaction() as connection:
            yield _OpenAccount(connection, workspace_id)


class _OpenAccount:
    def __init__(self, connection: Connection, workspace_id: UUID) -> None:
        self._connection = connection
        self._workspace_id = workspace_id
        connection.execute(
            "SELECT FROM billing_accounts WHERE workspace_id = %s FOR UPDATE", (workspace_id,)
        )
        row = connection.execute(
            "SELECT trial_ends_at FROM workspaces WHERE id = %s", (workspace_id,)
        ).fetchone()
        if row is None:
            raise LookupError(f"there is no workspace {workspace_id}")
        self.account = Account(
            trial_ends_at=row[0],
            **{table: self._read(table, record) for table, record in _TABLES.items()},
        )

    def replace(self, account: Account) -> None:
        """Write what differs from what was read."""
        for table, record in _TABLES.items():
            before, after = getattr(self.account, table), getattr(account, table)
            for record_id, seen in after.items():
                if before.get(record_id) != seen:
                    self._write(table, record, seen)
        self.account = account

    def stand(self, new: Standing) -> bool:
        """Write the plan; whether it is another than before."""
        changed = self._connection.execute(
            "UPDATE workspaces SET plan = %(plan)s, plan_until = %(until)s WHERE id = %(id)s"
            " AND (plan, plan_until) IS DISTINCT FROM (%(plan)s, %(until)s::timestamptz)",
            {"plan": new.plan, "until": new.until, "id": self._workspace_id},
        )
        return changed.rowcount > 0

    def announce_trial_end(self) -> bool:
        """Note that the end of the trial is being told; whether nobody has before."""
        noted = self._connection.execute(
            "UPDATE workspaces SET trial_end_told_at = clock_timestamp()"
            " WHERE id = %s AND trial_end_told_at IS NULL",
            (self._workspace_id,),
        )
        return noted.rowcount > 0

    def tell(self, notice: Notice) -> None:
        """Store an event that leaves with the transaction."""
        outbox.add(
            self._connection,
            notice.kind,
            workspace_id=self._workspace_id,
            aggregate=("workspace", self._workspace_id),
            payload=notice.facts,
        )

    def _read(self, table: str, record: Record) -> dict[str, Seen[Any]]:
        names = [field.name for field in fields(record)]
        query = sql.SQL("SELECT ticket, {} FROM {} WHERE workspace_id = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(table)
        )
        with self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, (self._workspace_id,)).fetchall()
        return {
            row["id"]: Seen(row["ticket"], record(**{name: _frozen(row[name]) for name in names}))
            for row in rows
        }

    def _write(self, table: str, record: Record, seen: Seen[Any]) -> None:
        values = {
            "workspace_id": self._workspace_id,
            "ticket": seen.ticket,
            **{field.name: _stored(getattr(seen.record, field.name)) for field in fields(record)},
        }
        changed = [name for name in values if name not in {"workspace_id", "id"}]
        query = sql.SQL(
            "INSERT INTO {table} ({names}) VALUES ({values})"
            " ON CONFLICT (workspace_id, id) DO UPDATE SET {changes}"
        ).format(
            table=sql.Identifier(table),
            names=sql.SQL(", ").join(map(sql.Identifier, values)),
            values=sql.SQL(", ").join(map(sql.Placeholder, values)),
            changes=sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in changed
            ),
        )
        self._connection.execute(query, values)


def _close(connection: Connection, event_id: str, outcome: Outcome) -> None:
    connection.execute(
        "UPDATE stripe_events SET processed_at = clock_timestamp(), outcome = %s"
        " WHERE id = %s AND processed_at IS NULL",
        (outcome.value, event_id),
    )


def _frozen(value: Any) -> Any:  # noqa: ANN401 - a column of any type
    return tuple(value) if isinstance(value, list) else value


def _stored(value: object) -> object:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
