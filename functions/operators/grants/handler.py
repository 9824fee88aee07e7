"""Invoked by an operator's command alone, with a :class:`GrantOrder` or a :class:`ListOrder`."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter, ValidationError

from functions.operators.models import GrantOrder, ListOrder
from functions.operators.repository import PostgresOperators
from huntaze.db import database
from huntaze.entry import entry

log = logging.getLogger(__name__)

_ORDER: TypeAdapter[GrantOrder | ListOrder] = TypeAdapter(GrantOrder | ListOrder)


class UnclearOrderError(Exception):
    """An order cannot be followed; the text says what to change."""


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Give or take the role, or list who has it."""
    try:
        order = _ORDER.validate_python(event)
    except ValidationError as error:
        # Not the values: an address is personal.
        wrong = {f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()}
        raise UnclearOrderError("; ".join(sorted(wrong))) from None
    operators = PostgresOperators(database())
    if isinstance(order, ListOrder):
        return {"operators": [one.model_dump(mode="json") for one in operators.all()]}
    outcome = operators.change(order)
    log.warning("the role of an operator was asked to change", extra={"action": order.action})
    return {"outcome": outcome.value}
