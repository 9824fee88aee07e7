"""Words of the ledger."""

from enum import IntEnum, StrEnum


class SendState(StrEnum):
    """Where a send stands; the trigger ``guard_send_state`` keeps the moves."""

    PLANNED = "planned"
    SUBMITTING = "submitting"
    SENT = "sent"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    HELD_OUT = "held_out"


# A message that was sent again is settled for as long as the new one stands so.
STILL_REPEATS = (SendState.PLANNED, SendState.SUBMITTING, SendState.SENT, SendState.UNKNOWN)


class SkipReason(StrEnum):
    """Why a fan of the audience gets no message."""

    UNMATCHED = "unmatched"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    BLOCKED = "blocked"
    ERASED = "erased"
    CAP = "cap"
    ALREADY_OFFERED = "already_offered"
    RECENT_CHAT = "recent_chat"
    # A person has to look first: somebody may come to harm.
    HANDED_OVER = "handed_over"
    # The conversation has gone on since the reply was written.
    MOVED_ON = "moved_on"
    SUBSCRIPTION_ENDED = "subscription_ended"
    GONE = "gone"
    WRONG_THREAD = "wrong_thread"
    NOT_COMPLIANT = "not_compliant"
    NOT_APPROVED = "not_approved"
    # After a database restore: whether it was sent before cannot be seen any more.
    RESTORE_UNCLEAR = "restore_unclear"


class Priority(IntEnum):
    """Who goes first in a lane."""

    PERSON = 0
    CHATBOT = 1
    AUTOMATION = 2
    CAMPAIGN = 3
