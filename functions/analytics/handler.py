"""HTTP door of the analytics feature: wiring and routes, no rules."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.analytics.models import FanGrowth, Messages, Overview, Platforms, Revenue, TopFans
from functions.analytics.repository import PostgresReports
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.figures import PAST_PATTERN
from huntaze.http import create_app, lambda_entry

app = create_app()

# Plain names: Powertools does not look behind a `type` statement.
Period = Annotated[str, Query(pattern=PAST_PATTERN)]
Creator = Annotated[UUID | None, Query()]


def visible_tenant(request: Request) -> Tenant:
    """What the caller may see: their creators."""
    caller = current_principal(request)
    caller.require(Right.READ)
    return Tenant(database(), caller.workspace_id, caller.creators)


Visible = Annotated[Tenant, Depends(visible_tenant)]


def _reports(tenant: Tenant, creator_id: UUID | None, period: str) -> PostgresReports:
    return PostgresReports(tenant, creator_id, period, now=datetime.now(UTC))


@app.get("/api/analytics/overview", tags=["analytics"])
def read_overview(
    tenant: Visible, creator_id: Creator = None, period: Period = "last_30_days"
) -> Overview:
    """Read how the business does: fans, subscriptions, messages, the inbox and what was earned.

    Without `creator_id` it is about all creators that the caller may see, here and in all reports.
    `period` is `today`, `yesterday`, `last_7_days`, `last_30_days`, `this_month`, `last_month`,
    `this_year`, `all_time` or a month such as `2026-03`, in the days of the time zone that the
    answer names.
    """
    return _reports(tenant, creator_id, period).overview()


@app.get("/api/analytics/revenue", tags=["analytics"])
def read_revenue(
    tenant: Visible, creator_id: Creator = None, period: Period = "last_30_days"
) -> Revenue:
    """Read what was earned: in all, by kind of transaction, by creator, and day by day.

    Up to 92 days are points of a day, longer spans points of a month; points add up to the totals.
    """
    return _reports(tenant, creator_id, period).revenue()


@app.get("/api/onlyfans/earnings", tags=["analytics"])
def read_earnings(
    tenant: Visible, creator_id: Creator = None, period: Period = "last_30_days"
) -> Revenue:
    """Read what was earned; another name of `/api/analytics/revenue`."""
    return read_revenue(tenant, creator_id, period)


@app.get("/api/analytics/fan-growth", tags=["analytics"])
def read_fan_growth(
    tenant: Visible, creator_id: Creator = None, period: Period = "last_30_days"
) -> FanGrowth:
    """Read how many subscriptions began and ended, in all and day by day."""
    return _reports(tenant, creator_id, period).fan_growth()


@app.get("/api/analytics/platforms", tags=["analytics"])
def read_platforms(
    tenant: Visible, creator_id: Creator = None, period: Period = "last_30_days"
) -> Platforms:
    """Compare platforms: creators, fans and subscribers now, and what was earned."""
    return _reports(tenant, creator_id, period).platforms()


@app.get("/api/analytics/top-fans", tags=["analytics"])
def read_top_fans(
    tenant: Visible,
    creator_id: Creator = None,
    period: Period = "last_30_days",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> TopFans:
    """List the fans who brought the most, net: of each currency, the first one first.

    Amounts of several currencies are not compared: the limit is for each.
    """
    return _reports(tenant, creator_id, period).top_fans(limit)


@app.get("/api/analytics/messages", tags=["analytics"])
def read_messages(
    tenant: Visible, creator_id: Creator = None, period: Period = "last_30_days"
) -> Messages:
    """Read how many messages were sent, how many had a price, and how many of those were bought.

    A message counts in the period in which it was sent, whenever it was bought.
    """
    return _reports(tenant, creator_id, period).messages()


handler = lambda_entry(app)
