"""Moments as callers give them: with a zone, and such that Postgres can store them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_utc(at: datetime) -> datetime:
    # Postgres knows fewer offsets than ISO 8601, and at both ends of the calendar an offset leads
    # out of it.
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment must be within the years 1 to 9999 of UTC") from None


# A plain name: a `type` statement would make another schema of it in the OpenAPI document.
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
