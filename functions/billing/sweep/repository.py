"""Use and reports in Postgres."""

from collections.abc import Callable
from uuid import UUID

from psycopg import sql

from functions.billing.records import MadeCustomer
from functions.billing.sweep.service import Place, Report
from huntaze.db import ConnectionSource, Tenant

# The trial is free, whoever grants it: use counts from the first subscription on that is paid.
_BILLABLE = sql.SQL(
    "m.workspace_id = %(workspace)s AND m.report_id IS NULL"
    " AND m.used_at >= use_billed_since(%(workspace)s)"
)
_REPORT = sql.SQL(
    "WITH taken AS (UPDATE metered_usage m SET report_id = %(id)s"
    "  WHERE {} AND meter = %(meter)s RETURNING quantity)"
    " INSERT INTO usage_reports (workspace_id, id, meter, quantity)"
    " SELECT %(workspace)s, %(id)s, %(meter)s, sum(quantity) FROM taken HAVING sum(quantity) > 0"
)


class PostgresEndings:
    """Workspaces that are being erased, for the role ``intake``.

    Args:
        source: Lends a connection with the role ``intake``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def ended(self, workspace_id: UUID) -> None:
        """Say that nothing will be charged any more; the erasure waits for it."""
        with Tenant(self._source, workspace_id).transaction() as connection:
            connection.execute(
                "UPDATE erasures SET billing_ended_at = clock_timestamp()"
                " WHERE workspace_id = %s AND kind = 'workspace' AND state = 'erasing'"
                " AND billing_ended_at IS NULL",
                (workspace_id,),
            )


class PostgresForgotten:
    """The accounts of a database that came back from a backup.

    Args:
        source: Lends a connection with the role ``intake``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def take_back(self, customer: MadeCustomer) -> Place:
        """Give a workspace its customer back, unless it has one."""
        values = {"workspace": customer.workspace_id, "customer": customer.id}
        with Tenant(self._source, customer.workspace_id).transaction() as connection:
            added = connection.execute(
                "INSERT INTO billing_accounts (workspace_id, stripe_customer_id, looked_at)"
                " SELECT id, %(customer)s, '-infinity' FROM workspaces WHERE id = %(workspace)s"
                " ON CONFLICT (workspace_id) DO NOTHING",
                values,
            )
            if added.rowcount:
                return Place.ADDED
            row = connection.execute(
                "SELECT stripe_customer_id = %(customer)s FROM billing_accounts"
                " WHERE workspace_id = %(workspace)s",
                values,
            ).fetchone()
        if row is None:
            return Place.WITHOUT_WORKSPACE
        return Place.KNOWN if row[0] else Place.BESIDE_ANOTHER

    def look_again(self) -> int:
        """Let nothing that was seen before count as a look; returns how many accounts there are."""
        with self._source.connection() as connection:
            row = connection.execute("SELECT look_at_payments_again()").fetchone()
        return int(row[0]) if row else 0


class PostgresUsage:
    """Use and reports in Postgres.

    Args:
        source: Lends a connection with the role ``intake``.
        new_id: Makes the ids of reports.
    """

    def __init__(self, source: ConnectionSource, *, new_id: Callable[[], UUID]) -> None:
        self._source = source
        self._new_id = new_id

    def sum_up(self, workspace_id: UUID) -> None:
        """Put what no report has into one report for each meter."""
        with Tenant(self._source, workspace_id).transaction() as connection:
            meters = connection.execute(
                sql.SQL("SELECT DISTINCT meter FROM metered_usage m WHERE {}").format(_BILLABLE),
                {"workspace": workspace_id},
            ).fetchall()
            for (meter,) in meters:
                # What is locked or marked by another run is that run's.
                connection.execute(
                    _REPORT.format(_BILLABLE),
                    {"id": self._new_id(), "workspace": workspace_id, "meter": meter},
                )

    def waiting(self, workspace_id: UUID) -> list[Report]:
        """Reports that Stripe has not taken yet."""
        with Tenant(self._source, workspace_id).transaction() as connection:
            rows = connection.execute(
                "SELECT r.id, r.meter, r.quantity, a.stripe_customer_id, r.created_at"
                " FROM usage_reports r JOIN billing_accounts a USING (workspace_id)"
                " WHERE r.workspace_id = %s AND r.sent_at IS NULL ORDER BY r.id",
                (workspace_id,),
            )
            return [Report(*row) for row in rows]

    def sent(self, workspace_id: UUID, report_id: UUID) -> None:
        """Remember that Stripe has taken a report."""
        with Tenant(self._source, workspace_id).transaction() as connection:
            connection.execute(
                "UPDATE usage_reports SET sent_at = clock_timestamp()"
                " WHERE workspace_id = %s AND id = %s",
                (workspace_id, report_id),
            )
