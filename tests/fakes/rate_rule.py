"""The rate budget's rule, read from its sentence and from nothing else.

"At most N messages in any sliding 60 s, at least G seconds between two, measured from the end of
the earlier interval." The platform counts a message somewhere between its grant and its end.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

MINUTE = timedelta(seconds=60)


def breaches(
    intervals: Sequence[tuple[datetime, datetime]], most: int, gap: timedelta
) -> list[str]:
    """What an impartial reader objects to in messages that ran from grant to end."""
    found = []
    for _, moment in intervals:
        # The fullest window begins where a message may just still be counted.
        until = moment + MINUTE
        inside = [one for one in intervals if one[1] >= moment and one[0] < until]
        if len(inside) > most:
            found.append(f"{len(inside)} in the minute from {moment}")
    found += [
        f"{later[0] - earlier[1]} between two"
        for earlier, later in pairwise(intervals)
        if later[0] - earlier[1] < gap
    ]
    return found
