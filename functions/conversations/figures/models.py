"""Shapes of the figures of members who answer fans."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class ChatterFigures(BaseModel):
    """What one member has answered and sold.

    Amounts are net of fees and of what was paid back in the same days. Ratios are null where there
    is nothing to divide by.
    """

    member_id: UUID
    answers: int = Field(description="Waits of fans that the member has ended.")
    median_reply_seconds: float | None
    p90_reply_seconds: float | None
    messages: int = Field(description="Messages that the member has sent.")
    ppvs: int = Field(description="Those of them that had a price.")
    unlocked: int = Field(description="Those of these that the fan has paid.")
    golden_ratio: float | None = Field(description="ppvs / messages.")
    unlock_ratio: float | None = Field(description="unlocked / ppvs.")
    ppv_cents: int = Field(description="Payments that name a message of the member's.")
    tip_cents: int = Field(
        description="Tips of fans to whom the member was the last to write in the day before."
    )


class TeamFigures(BaseModel):
    """What members have answered and sold for a creator since a moment.

    A reply takes from the first message of a fan that nobody had answered to the answer. Sales are
    read from transactions: a payment is of whoever wrote the message that it names.
    """

    creator_id: UUID
    since: datetime
    currency: str
    items: list[ChatterFigures]
    unattributed_cents: int = Field(
        description="Payments for messages, and tips, that are no member's: of campaigns, of what"
        " was written on the platform itself, or without a message."
    )
