"""Figures for operators: every metric that Huntaze publishes, and the one way to publish it.

A metric is a log line in CloudWatch's embedded format. Each combination of dimension values is a
metric of its own that is paid for, so that no dimension is ever a creator, a fan or a workspace.
Alarms and dashboards may name only what is declared here; a test compares them.
"""

import json
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Unit(StrEnum):
    """As CloudWatch names them."""

    COUNT = "Count"
    SECONDS = "Seconds"
    PERCENT = "Percent"
    NONE = "None"


@dataclass(frozen=True)
class Metric:
    """One figure.

    Args:
        namespace: ``Huntaze/…``, by what it is about.
        name: Of the figure.
        unit: Of its values.
        dimensions: What it is told apart by.
    """

    namespace: str
    name: str
    unit: Unit
    dimensions: tuple[str, ...] = ()


_SENDING = "Huntaze/Sending"

DELIVERIES = Metric(_SENDING, "Deliveries", Unit.COUNT, ("platform", "outcome"))
DELIVERY_DURATION = Metric(_SENDING, "DeliveryDuration", Unit.SECONDS, ("platform",))
DELIVERY_WAIT = Metric(_SENDING, "DeliveryWait", Unit.SECONDS, ("priority",))
READ_BACKS = Metric(_SENDING, "ReadBacks", Unit.COUNT, ("outcome",))
TROUBLES = Metric(_SENDING, "Troubles", Unit.COUNT, ("trouble",))
LANES_HELD = Metric(_SENDING, "LanesHeld", Unit.COUNT)
UTILISATION = Metric(_SENDING, "Utilisation", Unit.PERCENT)
LANES_WITH_DUE_WORK = Metric(_SENDING, "LanesWithDueWork", Unit.COUNT)
LANES_WITHOUT_PROGRESS = Metric(_SENDING, "LanesWithoutProgress", Unit.COUNT)

AUTHORIZER_FAILURES = Metric("Huntaze/Api", "AuthorizerFailures", Unit.COUNT)

# How long the oldest event has waited.
OUTBOX_LAG = Metric("Huntaze/Events", "OutboxLag", Unit.SECONDS)

# What became of mails: delivered, bounced, complained, …, or suppressed before they were sent.
MAIL_OUTCOMES = Metric("Huntaze/Mails", "MailOutcomes", Unit.COUNT, ("outcome",))

_MONEY = "Huntaze/Money"

CHECKED_FANS = Metric(_MONEY, "CheckedFans", Unit.COUNT)
DRIFTED_FANS = Metric(_MONEY, "DriftedFans", Unit.COUNT)
DRIFTED_CENTS = Metric(_MONEY, "DriftedCents", Unit.COUNT)

_AI = "Huntaze/AI/Costs"

# In US dollars, all providers together and each by itself.
AI_COST = Metric(_AI, "AICost", Unit.NONE)
AI_PROVIDER_COST = Metric(_AI, "AIProviderCost", Unit.NONE, ("provider",))
AI_TOKEN_USAGE = Metric(_AI, "AITokenUsage", Unit.COUNT, ("provider", "kind"))
AI_REQUEST_DURATION = Metric(_AI, "AIRequestDuration", Unit.SECONDS, ("provider",))
AI_FAULTS = Metric(_AI, "AIFaults", Unit.COUNT, ("provider", "fault"))
AI_BREAKERS_OPENED = Metric(_AI, "AIBreakersOpened", Unit.COUNT, ("provider",))
AI_REFUSED_BY_BUDGET = Metric(_AI, "AIRefusedByBudget", Unit.COUNT)
# Parts of workspaces' limits that were crossed.
AI_BUDGET_ALERTS = Metric(_AI, "AIBudgetAlerts", Unit.COUNT)
AI_RESERVES_RETURNED = Metric(_AI, "AIReservesReturned", Unit.COUNT)
AI_MODELS_NEAR_END = Metric(_AI, "AIModelsNearEnd", Unit.COUNT)

ALL: tuple[Metric, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)


def record(metric: Metric, value: float, **dimensions: str) -> None:
    """Publish one value.

    Raises:
        ValueError: The dimensions are not those that the metric has.
    """
    if set(dimensions) != set(metric.dimensions):
        raise ValueError(f"{metric.name} has the dimensions {metric.dimensions}")
    line: dict[str, Any] = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": metric.namespace,
                    "Dimensions": [list(metric.dimensions)],
                    "Metrics": [{"Name": metric.name, "Unit": metric.unit.value}],
                }
            ],
        },
        **{name: str(told) for name, told in dimensions.items()},
        metric.name: value,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
