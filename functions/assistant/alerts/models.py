"""Shapes of what is told of a crossing."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal, NamedTuple
from uuid import UUID

from huntaze.crypto import Envelope

_NANOS = 1_000_000_000


class Post(NamedTuple):
    """An alert on its way to one channel.

    Args:
        slack: The sealed address; None for other channels, or when it was forgotten meanwhile.
    """

    workspace_id: UUID
    alert_id: UUID
    channel: Literal["slack", "sns"]
    period: Literal["day", "month"]
    starts_on: date
    threshold: int
    limit_nanos: int
    spent_nanos: int
    slack: Envelope | None

    @property
    def sentence(self) -> str:
        """What is told: figures, and nothing of anybody."""
        when = f"{self.starts_on:%Y-%m-%d}" if self.period == "day" else f"{self.starts_on:%Y-%m}"
        return (
            f"Models have cost {_dollars(self.spent_nanos)} USD in {when}: more than"
            f" {self.threshold} % of the budget of {_dollars(self.limit_nanos)} USD."
        )


def _dollars(nanos: int) -> str:
    exact = Decimal(nanos) / _NANOS
    return f"{exact.quantize(Decimal('0.01'), rounding=ROUND_HALF_EVEN):f}"
