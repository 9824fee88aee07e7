"""Rules of where a conversation stands."""

from datetime import datetime, timedelta

from huntaze.domain.conversations import ConversationChanges, ConversationState
from huntaze.errors import InvalidInputError

LONGEST_SNOOZE = timedelta(days=366)


class SnoozeError(InvalidInputError):
    """The conversation cannot be put off like this."""


def check_changes(changes: ConversationChanges, *, now: datetime) -> None:
    """Refuse a snooze without an end, and an end of anything else.

    Raises:
        SnoozeError: The moment is missing, has passed, is too far off, or there is no snooze.
    """
    until = changes.snoozed_until
    problem = None
    if changes.state is not ConversationState.SNOOZED:
        if until is not None:
            problem = "goes with the state snoozed alone"
    elif until is None:
        problem = "say until when the conversation is snoozed"
    elif until <= now:
        problem = "lies in the past"
    elif until > now + LONGEST_SNOOZE:
        problem = "lies more than a year ahead"
    if problem is not None:
        raise SnoozeError(f"snoozed_until: {problem}.", fields={"snoozed_until": problem})
