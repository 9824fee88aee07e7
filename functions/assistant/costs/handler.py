"""HTTP door of costs: wiring and routes, no rules."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.assistant.costs import service
from functions.assistant.costs.budgets import (
    AlertSettings,
    AlertSettingsDraft,
    Budget,
    BudgetDraft,
)
from functions.assistant.costs.choices import PostgresChoices
from functions.assistant.costs.models import (
    Alert,
    Dimension,
    Forecast,
    OptimizeDraft,
    Share,
    Stats,
    Suggestions,
)
from functions.assistant.costs.repository import PostgresCosts
from functions.assistant.costs.sealing import sealed_hook
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database
from huntaze.errors import BadRequestError, ForbiddenError, NotFoundError
from huntaze.http import (
    PAGE_LIMIT,
    PAGE_LIMIT_MAX,
    Page,
    create_app,
    decode_cursor,
    encode_cursor,
    lambda_entry,
)

_STRANGE_CURSOR = "The cursor is not one that this list gave."

app = create_app()


def stored_costs(request: Request) -> PostgresCosts:
    """The costs of the creators that the caller may see."""
    caller = current_principal(request)
    return PostgresCosts(Tenant(database(), caller.workspace_id, caller.creators))


def stored_choices(request: Request) -> PostgresChoices:
    """What the workspace has chosen, and what the caller changes of it."""
    caller = current_principal(request)
    tenant = Tenant(database(), caller.workspace_id, caller.creators)
    return PostgresChoices(tenant, caller.user_id)


# Plain names: Powertools does not look behind a `type` statement.
Caller = Annotated[Principal, Depends(current_principal)]
Costs = Annotated[PostgresCosts, Depends(stored_costs)]
Choices = Annotated[PostgresChoices, Depends(stored_choices)]
FirstDay = Annotated[date | None, Query()]
LastDay = Annotated[date | None, Query()]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=400)]


@app.get("/api/v2/costs/breakdown", tags=["costs"])
def break_costs_down(
    caller: Caller,
    costs: Costs,
    by: Annotated[Dimension, Query()] = Dimension.DAY,
    first_day: FirstDay = None,
    last_day: LastDay = None,
    limit: Limit = PAGE_LIMIT,
    cursor: Cursor = None,
) -> Page[Share]:
    """Tell what models cost by provider, model, tier, agent, task, creator, campaign or day.

    Days are of UTC; left out, they are those of this month. Of creators that the caller may not see
    nothing is in it.
    """
    caller.require(Right.READ)
    period = service.period_of(first_day, last_day, today=_today())
    after = decode_cursor(cursor, 2) if cursor else []
    if after and after[0] not in ("0", "1"):
        raise BadRequestError(_STRANGE_CURSOR)
    found = costs.breakdown(by, period, after, limit + 1)
    last = found[limit - 1][0] if len(found) > limit else None
    more = len(found) > limit
    return Page(
        items=service.shares(found[:limit]),
        next_cursor=encode_cursor(int(last is None), last or "") if more else None,
    )


@app.get("/api/v2/costs/stats", tags=["costs"])
def read_cost_stats(
    caller: Caller, costs: Costs, first_day: FirstDay = None, last_day: LastDay = None
) -> Stats:
    """Tell what models cost in a period, and what router and caches saved against the baseline."""
    caller.require(Right.READ)
    return service.stats(service.period_of(first_day, last_day, today=_today()), costs)


@app.get("/api/v2/costs/forecast", tags=["costs"])
def forecast_costs(caller: Caller, costs: Costs, choices: Choices) -> Forecast:
    """Tell what this month will have cost, with an interval, computed from the days before."""
    caller.require(Right.READ)
    limit = choices.books().month_limit_nanos if caller.creators is None else None
    return service.forecast(costs, limit, now=datetime.now(UTC))


@app.post("/api/v2/costs/optimize", tags=["costs"])
def optimize_costs(
    draft: OptimizeDraft, caller: Caller, costs: Costs, choices: Choices
) -> Suggestions:
    """Tell what would have cost less, computed from the last 28 days; apply or revert some of it.

    Whatever is applied is recorded in the audit log, is followed within half a minute, and can be
    reverted at any time. Decisions about money and safety, and what is critical, stay with the
    better model.
    """
    _require_whole(caller, Right.MANAGE)
    return service.optimize(draft, costs, choices, today=_today())


@app.get("/api/v2/costs/budget", tags=["costs"])
def read_budget(caller: Caller, choices: Choices) -> Budget:
    """Tell what the workspace may spend on models, and how much of it is taken."""
    _require_whole(caller, Right.MANAGE)
    return Budget.of(choices.books())


@app.put("/api/v2/costs/budget", tags=["costs"])
def replace_budget(draft: BudgetDraft, caller: Caller, choices: Choices) -> Budget:
    """Replace what the workspace allows itself, below what its plan includes.

    It holds from the next call of a model on, however many are made at once.
    """
    _require_whole(caller, Right.BILL)
    return service.set_budget(draft, choices)


@app.get("/api/v2/costs/alerts", tags=["costs"])
def list_cost_alerts(
    caller: Caller, choices: Choices, limit: Limit = PAGE_LIMIT, cursor: Cursor = None
) -> Page[Alert]:
    """List which parts of limits were crossed, newest first; each crossing once."""
    _require_whole(caller, Right.MANAGE)
    found = choices.alerts(_id_of(decode_cursor(cursor, 1)[0]) if cursor else None, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=encode_cursor(last.id) if last else None)


@app.post("/api/v2/costs/alerts/<alert_id>/acknowledge", tags=["costs"])
def acknowledge_cost_alert(alert_id: UUID, caller: Caller, choices: Choices) -> Alert:
    """Say that somebody has seen an alert; who was first stays."""
    caller.require(Right.MANAGE)
    # Alerts are of the whole workspace: who sees some creators only sees none.
    alert = choices.acknowledge(alert_id) if caller.creators is None else None
    if alert is None:
        raise NotFoundError("There is no such alert in this workspace.")
    return alert


@app.get("/api/v2/costs/alert-settings", tags=["costs"])
def read_cost_alert_settings(caller: Caller, choices: Choices) -> AlertSettings:
    """Tell at which parts of a limit the workspace is told, and whether Slack is, too."""
    _require_whole(caller, Right.MANAGE)
    return choices.alert_settings()


@app.put("/api/v2/costs/alert-settings", tags=["costs"])
def replace_cost_alert_settings(
    draft: AlertSettingsDraft, caller: Caller, choices: Choices
) -> AlertSettings:
    """Replace at which parts of a limit the workspace is told, and which channel of Slack is.

    Mails and notifications go to owners and managers, as each of them prefers.
    """
    _require_whole(caller, Right.MANAGE)
    keeps = "slack_webhook_url" not in draft.model_fields_set
    url = draft.slack_webhook_url
    slack = sealed_hook(url.get_secret_value(), caller.workspace_id) if url else None
    choices.save_alert_settings(draft.thresholds_percent, slack, keeps_slack=keeps)
    return choices.alert_settings()


def _require_whole(caller: Principal, right: Right) -> None:
    """Refuse what concerns all creators to who sees some of them only.

    Raises:
        ForbiddenError: The caller is one of those, or the role has not the right.
    """
    caller.require(right)
    if caller.creators is not None:
        raise ForbiddenError("This is of the whole workspace, and you see some creators only.")


def _today() -> date:
    return datetime.now(UTC).date()


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRequestError(_STRANGE_CURSOR) from None


handler = lambda_entry(app)
