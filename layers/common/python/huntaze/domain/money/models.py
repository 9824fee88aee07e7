"""Shapes of a transaction: as recorded, as read."""

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel

PAYMENTS = ("subscription", "tip", "message", "post", "stream")
REVERSALS = ("refund", "chargeback")

type TransactionType = Literal[
    "subscription", "tip", "message", "post", "stream", "refund", "chargeback"
]


class TransactionRow(NamedTuple):
    """A transaction as the platform tells it; all amounts are zero or more.

    Attributes:
        line: Orders the rows: of two with the same transaction, the higher one counts.
        currency: None is the creator's.
        created_at: ISO 8601 with zone; None keeps what is there, or is now.
        reverses: The transaction that a refund or chargeback takes back. Such a row names the net
            that it takes, its gross amount alone (net and fee are zero), or no amount for all.
        description: None keeps what is there.
        message_id: The platform's, of the message that it paid for; None keeps what is there.
    """

    line: int
    transaction_id: str
    platform_id: str
    type: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    currency: str | None = None
    created_at: str | None = None
    reverses: str | None = None
    description: str | None = None
    message_id: str | None = None


class Transaction(BaseModel):
    """A transaction; ``effective_cents`` is what it adds to the fan's value, or takes from it."""

    id: UUID
    creator_id: UUID
    fan_id: UUID
    transaction_id: str
    type: TransactionType
    amount_cents: int
    fee_cents: int
    net_cents: int
    effective_cents: int
    currency: str
    reverses: str | None
    description: str | None
    platform_message_id: str | None
    created_at: datetime
