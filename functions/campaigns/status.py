"""Where a campaign stands and what may be done with it there."""

from enum import StrEnum

from huntaze.errors import ConflictError


class CampaignStatus(StrEnum):
    """The life of a campaign."""

    DRAFT = "draft"
    PREPARING = "preparing"
    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Move(StrEnum):
    """What a person or the state machine does with a campaign."""

    CHANGE = "change"
    LAUNCH = "launch"
    ASK_APPROVAL = "ask_approval"
    APPROVE = "approve"
    REJECT = "reject"
    RELEASE = "release"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    COMPLETE = "complete"
    FAIL = "fail"
    DELETE = "delete"


_S = CampaignStatus
_OPEN = (_S.PREPARING, _S.AWAITING_APPROVAL, _S.SCHEDULED, _S.SENDING, _S.PAUSED)
# From where each move is legal, and where it leads.
MOVES: dict[Move, tuple[tuple[CampaignStatus, ...], CampaignStatus]] = {
    # A change voids whatever was prepared or approved before it.
    Move.CHANGE: ((_S.DRAFT, _S.PREPARING, _S.AWAITING_APPROVAL, _S.SCHEDULED), _S.DRAFT),
    Move.LAUNCH: ((_S.DRAFT,), _S.PREPARING),
    Move.ASK_APPROVAL: ((_S.PREPARING,), _S.AWAITING_APPROVAL),
    Move.APPROVE: ((_S.AWAITING_APPROVAL,), _S.SCHEDULED),
    Move.REJECT: ((_S.AWAITING_APPROVAL,), _S.DRAFT),
    Move.RELEASE: ((_S.SCHEDULED,), _S.SENDING),
    Move.PAUSE: ((_S.SENDING,), _S.PAUSED),
    Move.RESUME: ((_S.PAUSED,), _S.SENDING),
    Move.CANCEL: ((_S.DRAFT, *_OPEN), _S.CANCELLED),
    Move.COMPLETE: ((_S.SENDING, _S.PAUSED), _S.COMPLETED),
    Move.FAIL: (_OPEN, _S.FAILED),
    Move.DELETE: ((_S.DRAFT,), _S.DRAFT),
}


class IllegalMoveError(ConflictError):
    """The campaign is not in a state that allows this."""


def move(status: CampaignStatus, what: Move) -> CampaignStatus:
    """Tell where ``what`` leads from ``status``.

    Raises:
        IllegalMoveError: Nowhere.
    """
    allowed, target = MOVES[what]
    if status not in allowed:
        raise IllegalMoveError(
            f"A campaign that is {status} does not allow “{what}”;"
            f" it must be {' or '.join(allowed)}."
        )
    return target
