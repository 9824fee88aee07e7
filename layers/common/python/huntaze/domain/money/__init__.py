"""Transactions and what a fan has brought in: the one writer of both."""

from huntaze.domain.money.models import PAYMENTS, REVERSALS, Transaction, TransactionRow
from huntaze.domain.money.reading import read_transactions
from huntaze.domain.money.recording import (
    OtherCurrencyError,
    RecordOutcome,
    forget_fan,
    leave_out,
    record,
    record_staged,
    stage,
    take_turns,
)
from huntaze.domain.money.repairing import Correction, recompute

__all__ = [
    "PAYMENTS",
    "REVERSALS",
    "Correction",
    "OtherCurrencyError",
    "RecordOutcome",
    "Transaction",
    "TransactionRow",
    "forget_fan",
    "leave_out",
    "read_transactions",
    "recompute",
    "record",
    "record_staged",
    "stage",
    "take_turns",
]
