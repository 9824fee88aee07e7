"""Invoked by an operator's command alone, with one of the orders below."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter, ValidationError

from functions.operators.models import GrantOrder, ListOrder, ReadmissionOrder
from functions.operators.repository import PostgresOperators
from huntaze.db import database
from huntaze.entry import entry

log = logging.getLogger(__name__)

_ORDER: TypeAdapter[GrantOrder | ReadmissionOrder | ListOrder] = TypeAdapter(
    GrantOrder | ReadmissionOrder | ListOrder
)


class UnclearOrderError(Exception):
    """An order cannot be followed; the text says what to change."""


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Give or take the role, list who has it, or let an address take mails again."""
    try:
        order = _ORDER.validate_python(event)
    except ValidationError as error:
        # Not the values: an address is personal.
        wrong = {f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()}
        raise UnclearOrderError("; ".join(sorted(wrong))) from None
    operators = PostgresOperators(database())
    if isinstance(order, ListOrder):
        return {"operators": [one.model_dump(mode="json") for one in operators.all()]}
    if isinstance(order, ReadmissionOrder):
        outcome = operators.readmit(order)
    else:
        outcome = operators.change(order)
    log.warning("an order of operations was followed", extra={"action": order.action})
    return {"outcome": outcome.value}
