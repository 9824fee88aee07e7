"""Cursors: places in a journal as clients carry them, who need not know what they mean."""

import re
from uuid import UUID

from functions.realtime.models import START, Place
from huntaze.errors import BadRequestError, GoneError

_CURSOR = re.compile(r"([1-9][0-9]{0,17})\.([0-9a-f]{32})")
_OF_START = "0"


class CursorExpiredError(GoneError):
    """What came after the cursor is not kept any more: the client must read everything anew."""


def write(place: Place) -> str:
    """Write a place as a cursor; the event's id tells it from one of another journal."""
    if place.event_id is None:
        return _OF_START
    return f"{place.position}.{place.event_id.hex}"


def read(cursor: str) -> Place:
    """Read a cursor.

    Raises:
        BadRequestError: It is not one of ours.
    """
    if cursor == _OF_START:
        return START
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise BadRequestError(
            "The cursor is not one that an event, a ticket or GET /api/events gave."
        )
    return Place(int(parts[1]), UUID(parts[2]))


def expired() -> CursorExpiredError:
    """The refusal of a cursor whose place is not in the journal any more."""
    return CursorExpiredError(
        "What came after this cursor is not kept any more (events are kept for a day). Ask GET"
        " /api/events without a cursor for a new one, then reload what you show, then go on from"
        " the new one."
    )
