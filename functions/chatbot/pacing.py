"""How long a person would take to answer."""

from datetime import timedelta

# Signs a second; a pause in which somebody does something else.
_READS, _TYPES = 25.0, 4.5
_SHORTEST_PAUSE, _LONGEST_PAUSE = 8.0, 45.0
_LEAST, _MOST = 12.0, 300.0


def delay(read: str, written: str, chance: float) -> timedelta:
    """How long reading a message, a pause and typing the answer take.

    Args:
        read: What the fan wrote.
        written: The answer.
        chance: From 0 to 1.
    """
    pause = _SHORTEST_PAUSE + (_LONGEST_PAUSE - _SHORTEST_PAUSE) * chance
    seconds = len(read) / _READS + pause + len(written) / _TYPES
    return timedelta(seconds=min(_MOST, max(_LEAST, seconds)))
