"""Named moments of a send: where time is measured, and where a test may strike."""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """What has just happened to a send."""

    CLAIMED = "claimed"
    OPENED = "opened"
    COMPOSED = "composed"
    ASKING = "asking"
    GRANTED = "granted"
    CLICKED = "clicked"
    SEEN = "seen"
    SETTLED = "settled"
    DOUBTED = "doubted"
    READ_BACK = "read_back"
    # Of a thread that is read, not of a send.
    PAGE_READ = "page_read"
    PAGE_STORED = "page_stored"


OF_READING = frozenset({Step.PAGE_READ, Step.PAGE_STORED})
OF_SENDS = tuple(step for step in Step if step not in OF_READING)


type Observer = Callable[[Step], None]


def nobody(_: Step) -> None:
    """Watch nothing."""
