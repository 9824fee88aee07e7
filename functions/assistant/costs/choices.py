"""What a workspace has chosen about its costs, in Postgres: budget, economy, alerts."""

from collections.abc import Collection, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from functions.assistant.costs.budgets import (
    USUAL_THRESHOLDS,
    AlertSettings,
    Books,
    BudgetDraft,
    Spending,
)
from functions.assistant.costs.models import Alert, Amount
from huntaze.crypto import Envelope
from huntaze.db import Tenant
from huntaze.domain import audit
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Limit

_BOOKS = """
  SELECT p.period, p.starts_on, (p.starts_on + p.length) AT TIME ZONE 'UTC' AS resets_at,
         coalesce(s.spent_nanos, 0) AS spent_nanos,
         -- What dead calls hold comes back with the next call, or with the next minute.
         coalesce(s.reserved_nanos, 0) AS reserved_nanos
    FROM (VALUES ('day', (clock_timestamp() AT TIME ZONE 'UTC')::date, interval '1 day'),
                 ('month', usage_month(clock_timestamp()), interval '1 month'))
      AS p (period, starts_on, length)
    LEFT JOIN ai_spending s ON s.workspace_id = %s AND s.period = p.period
     AND s.starts_on = p.starts_on
   ORDER BY p.period
"""
_ALERTS = """
  SELECT a.id, a.period, a.starts_on, a.threshold, a.limit_nanos, a.spent_nanos, a.raised_at,
         a.acknowledged_by, a.acknowledged_at,
         coalesce((SELECT jsonb_object_agg(p.channel, p.state) FROM ai_cost_alert_posts p
                    WHERE p.workspace_id = a.workspace_id AND p.alert_id = a.id), '{}') AS posts
    FROM ai_cost_alerts a WHERE a.workspace_id = %(workspace)s
"""


class PostgresChoices:
    """The choices of one workspace.

    Args:
        tenant: The workspace.
        caller: Who chooses.
    """

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def economy_tasks(self) -> Collection[str]:
        """The kinds of work that the economy model does."""
        with self._tenant.transaction() as connection:
            rows = connection.execute(
                "SELECT task FROM ai_economy_tasks WHERE workspace_id = %s",
                (self._tenant.workspace_id,),
            ).fetchall()
        return [row[0] for row in rows]

    def choose(self, apply: Sequence[str], revert: Sequence[str]) -> None:
        """Have the economy model do some kinds of work, and others no more; each is recorded."""
        with self._tenant.transaction() as connection:
            for task in apply:
                added = connection.execute(
                    "INSERT INTO ai_economy_tasks (workspace_id, task, chosen_by)"
                    " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    (self._tenant.workspace_id, task, self._caller),
                )
                if added.rowcount:
                    self._record("ai_optimization.applied", {"task": task})
            for task in revert:
                gone = connection.execute(
                    "DELETE FROM ai_economy_tasks WHERE workspace_id = %s AND task = %s",
                    (self._tenant.workspace_id, task),
                )
                if gone.rowcount:
                    self._record("ai_optimization.reverted", {"task": task})

    def books(self) -> Books:
        """The budget, what the plan includes, and what is taken."""
        with self._tenant.transaction() as connection:
            plan = entitlements.current(connection, self._tenant.workspace_id).plan
            with connection.cursor(row_factory=dict_row) as cursor:
                own = cursor.execute(
                    "SELECT monthly_cents, daily_cents, over_budget FROM ai_budgets"
                    " WHERE workspace_id = %s",
                    (self._tenant.workspace_id,),
                ).fetchone()
                day, month = (
                    Spending(
                        row["starts_on"],
                        row["resets_at"].astimezone(UTC),
                        row["spent_nanos"],
                        row["reserved_nanos"],
                    )
                    for row in cursor.execute(_BOOKS, (self._tenant.workspace_id,)).fetchall()
                )
        budget = BudgetDraft.model_validate(own or {})
        return Books(budget, plan.name, plan.limits[Limit.AI_BUDGET_CENTS], day, month)

    def save_budget(self, draft: BudgetDraft) -> None:
        """Replace the budget; the next call of a model is held to it."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "INSERT INTO ai_budgets AS b (workspace_id, monthly_cents, daily_cents,"
                " over_budget, updated_by) VALUES (%(workspace)s, %(monthly_cents)s,"
                " %(daily_cents)s, %(over_budget)s, %(by)s) ON CONFLICT (workspace_id) DO UPDATE"
                " SET monthly_cents = excluded.monthly_cents, daily_cents = excluded.daily_cents,"
                " over_budget = excluded.over_budget, updated_by = excluded.updated_by,"
                " updated_at = clock_timestamp()",
                {
                    **draft.model_dump(),
                    "workspace": self._tenant.workspace_id,
                    "by": self._caller,
                },
            )
            self._record("ai_budget.changed", draft.model_dump())

    def alert_settings(self) -> AlertSettings:
        """When alerts are told, and where."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT thresholds, slack_sealed IS NOT NULL FROM ai_cost_settings"
                " WHERE workspace_id = %s",
                (self._tenant.workspace_id,),
            ).fetchone()
        thresholds, is_connected = row or (list(USUAL_THRESHOLDS), False)
        return AlertSettings(thresholds_percent=thresholds, slack_connected=is_connected)

    def save_alert_settings(
        self, thresholds: Sequence[int], slack: Envelope | None, *, keeps_slack: bool
    ) -> None:
        """Write when alerts are told, and where.

        Args:
            thresholds: Parts of a limit, in hundredths.
            slack: The sealed address; None forgets it.
            keeps_slack: Leave the address as it is.
        """
        with self._tenant.transaction() as connection:
            connection.execute(
                "INSERT INTO ai_cost_settings AS s (workspace_id, thresholds, slack_sealed_key,"
                " slack_sealed, updated_by) VALUES (%(workspace)s, %(thresholds)s, %(key)s,"
                " %(sealed)s, %(by)s) ON CONFLICT (workspace_id) DO UPDATE"
                " SET thresholds = excluded.thresholds, updated_by = excluded.updated_by,"
                " updated_at = clock_timestamp(),"
                " slack_sealed_key = CASE WHEN %(keeps)s THEN s.slack_sealed_key"
                "  ELSE excluded.slack_sealed_key END,"
                " slack_sealed = CASE WHEN %(keeps)s THEN s.slack_sealed"
                "  ELSE excluded.slack_sealed END",
                {
                    "workspace": self._tenant.workspace_id,
                    "thresholds": sorted(set(thresholds)),
                    "key": slack and slack.sealed_key,
                    "sealed": slack and slack.sealed,
                    "by": self._caller,
                    "keeps": keeps_slack,
                },
            )
            said = "kept" if keeps_slack else "connected" if slack else "none"
            self._record(
                "cost_alerts.configured",
                {"thresholds": ",".join(map(str, sorted(set(thresholds)))), "slack": said},
            )

    def alerts(self, before: UUID | None, limit: int) -> list[Alert]:
        """List alerts, newest first."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            rows = cursor.execute(
                f"{_ALERTS} AND (%(before)s::uuid IS NULL OR a.id < %(before)s)"
                " ORDER BY a.id DESC LIMIT %(limit)s",
                {"workspace": self._tenant.workspace_id, "before": before, "limit": limit},
            ).fetchall()
        return [_alert(row) for row in rows]

    def acknowledge(self, alert_id: UUID) -> Alert | None:
        """Say that somebody has seen an alert; who was first stays. None: there is none."""
        of_one = {"workspace": self._tenant.workspace_id, "id": alert_id, "by": self._caller}
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            seen = cursor.execute(
                "UPDATE ai_cost_alerts SET acknowledged_by = %(by)s,"
                " acknowledged_at = clock_timestamp()"
                " WHERE workspace_id = %(workspace)s AND id = %(id)s AND acknowledged_at IS NULL",
                of_one,
            )
            if seen.rowcount:
                self._record("cost_alert.acknowledged", {}, alert_id)
            row = cursor.execute(f"{_ALERTS} AND a.id = %(id)s", of_one).fetchone()
        return _alert(row) if row else None

    def _record(self, action: str, facts: dict[str, Any], alert_id: UUID | None = None) -> None:
        target = (
            audit.Target("cost_alert", alert_id)
            if alert_id
            else audit.Target("workspace", self._tenant.workspace_id)
        )
        with self._tenant.transaction() as connection:
            audit.record(connection, action, target, actor_id=self._caller, facts=facts)


def _alert(row: dict[str, Any]) -> Alert:
    return Alert(
        limit=Amount.of(row.pop("limit_nanos")),
        spent=Amount.of(row.pop("spent_nanos")),
        threshold_percent=row.pop("threshold"),
        **row,
    )
