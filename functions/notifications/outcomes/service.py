"""Rules of what becomes of mails: which news is of which weight, and which ends an address."""

from contextlib import suppress
from typing import Protocol
from uuid import UUID

from functions.notifications.outcomes.models import Fate, Outcome, SesEvent

# In how many ways a mail can end that never will begin to arrive.
_HARD = "Permanent"
# A person who took their complaint back.
_NOT_SPAM = "not-spam"


class OutcomeStore(Protocol):
    """Where outcomes are kept."""

    def note(self, outcome: Outcome) -> None:
        """Write what became of a mail; the same or older news changes nothing."""
        ...

    def end(self, outcome: Outcome) -> None:
        """Send no more to the address."""
        ...


def read(event: SesEvent) -> Outcome | None:
    """Tell what an event says; None when it says nothing about how a mail ended."""
    fate, detail, at = None, "", event.mail.timestamp
    hard = False
    if event.bounce is not None:
        fate, at = Fate.BOUNCED, event.bounce.timestamp
        detail = f"{event.bounce.bounce_type}/{event.bounce.bounce_sub_type}"
        hard = event.bounce.bounce_type == _HARD
    elif event.complaint is not None:
        kind = event.complaint.complaint_feedback_type
        if kind != _NOT_SPAM:
            fate, detail, at = Fate.COMPLAINED, kind or "unspecified", event.complaint.timestamp
            hard = True
    elif event.delivery is not None:
        fate, at = Fate.DELIVERED, event.delivery.timestamp
    elif event.delivery_delay is not None:
        fate, at = Fate.DELAYED, event.delivery_delay.timestamp
        detail = event.delivery_delay.delay_type
    elif event.reject is not None:
        fate, detail = Fate.REJECTED, event.reject.reason
    if fate is None:
        return None
    # Mails go to one address each. Who bounced may be another, to which that one forwards.
    address = event.mail.destination[0].lower() if event.mail.destination else None
    return Outcome(_mail_id(event), fate, detail[:200], at, address, ends=hard)


def settle(event: SesEvent, store: OutcomeStore) -> Outcome | None:
    """Take in what SES tells; nothing depends on order or on how often it is told."""
    outcome = read(event)
    if outcome is None:
        return None
    store.note(outcome)
    if outcome.ends and outcome.address:
        store.end(outcome)
    return outcome


def _mail_id(event: SesEvent) -> UUID | None:
    with suppress(KeyError, IndexError, ValueError):
        return UUID(event.mail.tags["mail_id"][0])
    return None
