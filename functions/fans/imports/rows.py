"""From records of a file to rows that the domain stores; what does not fit is reported."""

from collections.abc import Iterable, Iterator
from typing import cast

from functions.fans.imports import cells
from functions.fans.imports.cells import ReadCell
from functions.fans.imports.models import RejectedRow
from functions.fans.imports.table import Columns, Record
from huntaze.domain.fans import FanRow
from huntaze.domain.money import PAYMENTS, REVERSALS, TransactionRow

REPORTED = 1000

_FAN_CELLS: dict[str, ReadCell] = {
    "platform_id": cells.text_up_to(200),
    "handle": cells.text_up_to(200),
    "display_name": cells.text_up_to(200),
    "email": cells.email,
    "status": cells.remembering(cells.one_of(frozenset({"active", "expired", "follower"}))),
    "tier": cells.remembering(cells.text_up_to(60)),
    "price_cents": cells.remembering(cells.positive_cents),
    "rebill_on": cells.remembering(cells.flag),
    "subscribed_at": cells.moment,
    "renewed_at": cells.moment,
    "expires_at": cells.moment,
    "last_seen_at": cells.moment,
    "time_zone": cells.remembering(cells.time_zone),
    "language": cells.remembering(cells.language),
    "notes": cells.text_up_to(10_000),
    "consent": cells.remembering(cells.flag),
    "tags": cells.remembering(cells.tags),
}
FAN_COLUMNS = Columns(
    required=("platform_id", "handle"),
    known=frozenset(_FAN_CELLS),
    ignored=frozenset({"id", "value_cents"}),
    aliases=(("username", "handle"),),
)

_TRANSACTION_CELLS: dict[str, ReadCell] = {
    "transaction_id": cells.text_up_to(200),
    "platform_id": cells.text_up_to(200),
    "type": cells.one_of(frozenset(PAYMENTS + REVERSALS)),
    "amount_cents": cells.cents,
    "fee_cents": cells.cents,
    "net_cents": cells.cents,
    "amount": cells.decimal_cents,
    "fee": cells.decimal_cents,
    "net": cells.decimal_cents,
    "currency": cells.text_up_to(3),
    "created_at": cells.moment,
    "reverses": cells.text_up_to(200),
    "description": cells.text_up_to(1000),
    "message_id": cells.text_up_to(200),
}
TRANSACTION_COLUMNS = Columns(
    required=("transaction_id", "platform_id", "type"), known=frozenset(_TRANSACTION_CELLS)
)


class RowError(ValueError):
    """A row that cannot be stored; the message says which column and why."""


class Rejections:
    """The rows left out: all are counted, the first thousand are kept."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[RejectedRow] = []

    def reject(self, line: int, reason: str) -> None:
        """Report a row."""
        self.count += 1
        if len(self.first) < REPORTED:
            self.first.append(RejectedRow(line=line, reason=reason))


def fan_rows(
    columns: tuple[str, ...], records: Iterable[Record], rejections: Rejections
) -> Iterator[FanRow]:
    """Read fans, reporting those that cannot be."""
    reject = rejections.reject
    position = {name: index for index, name in enumerate(FanRow._fields)}
    plan = [(index, position[name], name, _FAN_CELLS[name]) for index, name in enumerate(columns)]
    blank: list[object] = [None] * len(FanRow._fields)
    for line, found, extra, problem in records:
        if problem is not None:
            reject(line, problem)
            continue
        values = blank.copy()
        values[0], values[-1] = line, extra
        name = ""
        try:
            for index, target, name, read in plan:  # noqa: B007  (named in the refusal)
                cell = found[index]
                if cell:
                    values[target] = read(cell)
        except ValueError as error:
            reject(line, f"{name}: {error}")
            continue
        if values[1] is None or values[2] is None:
            reject(line, f"{'platform_id' if values[1] is None else 'handle'} is blank")
            continue
        yield FanRow._make(values)


def transaction_rows(
    columns: tuple[str, ...], records: Iterable[Record], rejections: Rejections, currency: str
) -> Iterator[TransactionRow]:
    """Read transactions, reporting those that cannot be.

    Args:
        columns: Of the file.
        records: Its rows.
        rejections: Told of each row that is left out.
        currency: The creator's: sums of a fan are in one currency.
    """
    plan = [(index, name, _TRANSACTION_CELLS[name]) for index, name in enumerate(columns)]
    for record in records:
        try:
            yield _transaction(record, plan, currency)
        except RowError as error:
            rejections.reject(record.line, str(error))


def _transaction(
    record: Record, plan: list[tuple[int, str, ReadCell]], currency: str
) -> TransactionRow:
    line, found, _, problem = record
    if problem is not None:
        raise RowError(problem)
    row: dict[str, object] = {}
    for index, name, read in plan:
        if found[index]:
            try:
                row[name] = read(found[index])
            except ValueError as error:
                raise RowError(f"{name}: {error}") from None
    texts = cast("dict[str, str | None]", row)
    transaction_id, platform_id, kind = (
        _needed(texts, name) for name in ("transaction_id", "platform_id", "type")
    )
    reverses = texts.get("reverses")
    if (reverses is not None) != (kind in REVERSALS):
        wants = "must name what it takes back" if kind in REVERSALS else "is for refunds alone"
        raise RowError(f"reverses {wants}")
    if reverses == transaction_id:
        raise RowError("reverses names the transaction itself")
    given = (texts.get("currency") or currency).upper()
    if given != currency:
        raise RowError(f"currency: {given}, but the creator's is {currency}")
    amount, fee, net = _amounts(row, reversal=kind in REVERSALS)
    return TransactionRow(
        line, transaction_id, platform_id, kind, amount, fee, net, currency,
        texts.get("created_at"), reverses, texts.get("description"),
        texts.get("message_id"),
    )  # fmt: skip


def _needed(row: dict[str, str | None], name: str) -> str:
    value = row.get(name)
    if value is None:
        raise RowError(f"{name} is blank")
    return value


def _amounts(row: dict[str, object], *, reversal: bool) -> tuple[int, int, int]:
    """Return gross, fee and net; one that is missing follows from the others."""
    given = [_amount(row, name, reversal=reversal) for name in ("amount", "fee", "net")]
    amount, fee, net = given
    if amount is None and net is None:
        if not reversal:
            raise RowError("neither an amount nor a net amount")
        # It takes back all of its payment.
        return 0, 0, 0
    if reversal and not any(given):
        raise RowError("it takes back zero; leave the amounts blank to take back the whole payment")
    if reversal and fee is None and net is None:
        # Of the payment's fee it takes back its share: only the payment says how much that is.
        return amount or 0, 0, 0
    if amount is None:
        amount = (net or 0) + (fee or 0)
    if fee is None:
        fee = max(amount - net, 0) if net is not None else 0
    if net is None:
        net = amount - fee
    if net < 0:
        raise RowError("the fee is larger than the amount")
    if net > amount:
        raise RowError("the net is larger than the amount")
    return amount, fee, net


def _amount(row: dict[str, object], name: str, *, reversal: bool) -> int | None:
    exact = row.get(f"{name}_cents")
    value = cast("int | None", row.get(name) if exact is None else exact)
    if value is None or value >= 0:
        return value
    if not reversal:
        raise RowError(f"{name} is below zero; a payment that was taken back is a refund")
    # Platforms write what they took back with a minus; the sign is the type's.
    return -value
