"""What members see of their payments: read from Postgres, never asked of Stripe."""

from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from functions.billing.models import Bill, BoughtPlan, LimitUse, Standing
from huntaze.db import Connection, Tenant
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Limit

# The one that counts, as `fold.standing` chooses, is among the running; the newest stands for it.
_SUBSCRIPTION: LiteralString = (
    "SELECT id, plan, billing_interval AS interval, status, current_period_start,"
    " current_period_end, trial_ends_at, cancel_at_period_end, cancel_at, past_due_since"
    " FROM subscriptions WHERE workspace_id = %s"
    " ORDER BY status IN ('active', 'trialing') DESC, status = 'past_due' DESC,"
    " created_at DESC, id DESC LIMIT 1"
)
_BILLS: LiteralString = (
    "SELECT i.id, i.number, i.status, i.currency, i.amount_due_cents, i.amount_paid_cents,"
    " (SELECT coalesce(sum(c.refunded_cents), 0)::bigint FROM charges c"
    "   WHERE c.workspace_id = i.workspace_id AND c.payment_intent = ANY (i.payment_intents)"
    "     AND c.refunded_cents > 0) AS refunded_cents,"
    " i.attempts, i.next_attempt_at, i.period_start, i.period_end, i.hosted_invoice_url,"
    " i.invoice_pdf, i.paid_at, i.created_at"
    " FROM invoices i WHERE i.workspace_id = %(workspace)s AND i.status <> 'draft'"
    " AND (%(at)s::timestamptz IS NULL OR (i.created_at, i.id) < (%(at)s, %(id)s))"
    " ORDER BY i.created_at DESC, i.id DESC LIMIT %(limit)s"
)


class PostgresBilling:
    """The payments of one workspace; row level security hides all others."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def standing(self) -> Standing:
        """Tell the plan and how far it is used."""
        workspace_id = self._tenant.workspace_id
        with self._tenant.transaction() as connection:
            found = entitlements.current(connection, workspace_id)
            return Standing(
                plan=found.plan.name,
                plan_until=found.until if found.plan.name == found.bought else None,
                trial_ends_at=found.trial_ends_at,
                limits={
                    limit.value: LimitUse(
                        limit=found.plan.limits[limit],
                        used=entitlements.used(connection, workspace_id, limit),
                    )
                    for limit in (Limit.CREATORS, Limit.MEMBERS, Limit.MESSAGES)
                },
                features=sorted(found.plan.features),
                subscription=self._subscription(connection),
                open_disputes=self._open_disputes(connection),
            )

    def bills(self, after: tuple[datetime, str] | None, limit: int) -> list[Bill]:
        """List invoices, newest first, older than ``after``."""
        at, invoice_id = after or (None, None)
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Bill)) as cursor,
        ):
            return cursor.execute(
                _BILLS,
                {
                    "workspace": self._tenant.workspace_id,
                    "at": at,
                    "id": invoice_id,
                    "limit": limit,
                },
            ).fetchall()

    def customer_id(self) -> str | None:
        """The workspace's customer at Stripe."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT stripe_customer_id FROM billing_accounts WHERE workspace_id = %s",
                (self._tenant.workspace_id,),
            ).fetchone()
        return row[0] if row else None

    def add_customer(self, customer_id: str) -> str:
        """Store the customer; who was first counts."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "INSERT INTO billing_accounts (workspace_id, stripe_customer_id) VALUES (%s, %s)"
                " ON CONFLICT (workspace_id) DO NOTHING",
                (self._tenant.workspace_id, customer_id),
            )
        return self.customer_id() or customer_id

    def subscriptions(self) -> tuple[int, bool]:
        """How many there were, and whether one runs."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT count(*), coalesce(bool_or(status IN ('active', 'trialing', 'past_due',"
                " 'unpaid', 'paused')), false) FROM subscriptions"
                " WHERE workspace_id = %s AND status NOT IN ('incomplete', 'incomplete_expired')",
                (self._tenant.workspace_id,),
            ).fetchone()
        return (row[0], row[1]) if row else (0, False)

    def trial_ends_at(self) -> datetime:
        """When the trial ends or has ended."""
        with self._tenant.transaction() as connection:
            return entitlements.current(connection, self._tenant.workspace_id).trial_ends_at

    def is_leaving(self) -> bool:
        """Whether the workspace is to be erased, from the order on."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT FROM erasures WHERE workspace_id = %s AND kind = 'workspace'"
                " AND state IN ('scheduled', 'erasing', 'done')",
                (self._tenant.workspace_id,),
            ).fetchone()
        return row is not None

    def _subscription(self, connection: Connection) -> BoughtPlan | None:
        with connection.cursor(row_factory=class_row(BoughtPlan)) as cursor:
            return cursor.execute(_SUBSCRIPTION, (self._tenant.workspace_id,)).fetchone()

    def _open_disputes(self, connection: Connection) -> int:
        row = connection.execute(
            "SELECT count(*) FROM disputes"
            " WHERE workspace_id = %s AND status NOT IN ('won', 'lost', 'warning_closed')",
            (self._tenant.workspace_id,),
        ).fetchone()
        return int(row[0]) if row else 0
