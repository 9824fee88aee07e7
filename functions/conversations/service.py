"""Rules of direct messages."""

from typing import Protocol
from uuid import UUID

from functions.conversations.models import DirectMessage, Send, SendQueued
from huntaze.domain import compliance
from huntaze.domain.outbound.states import SendState
from huntaze.errors import ConflictError, InvalidInputError


class NotCompliantError(InvalidInputError):
    """The text may not be sent on this platform."""


class NotWaitingError(ConflictError):
    """The message has left the queue, or has ended."""


class Outbox(Protocol):
    """Where direct messages are queued."""

    def platform(self, creator_id: UUID) -> str: ...

    def check_media(self, creator_id: UUID, media_ids: list[UUID]) -> None: ...

    def queue(
        self, creator_id: UUID, message: DirectMessage, *, author: UUID, answers: str | None
    ) -> SendQueued: ...

    def call_back(self, send_id: UUID, *, by: UUID) -> Send: ...


def send(
    creator_id: UUID,
    message: DirectMessage,
    outbox: Outbox,
    *,
    author: UUID,
    answers: str | None = None,
) -> SendQueued:
    """Queue a person's message to one fan, if the rules allow its text.

    Args:
        creator_id: Who sends it.
        message: What, and to whom.
        outbox: Where it is queued.
        author: The member who wrote it.
        answers: The platform's id of the newest message that the author has seen: with another one
            in the thread it is not sent.

    Raises:
        NotCompliantError: The rules of the platform forbid it.
    """
    verdict = compliance.check(
        message.message,
        platform=outbox.platform(creator_id),
        price_cents=message.price_cents,
        media_count=len(message.media_ids),
    )
    if not verdict.passed:
        raise NotCompliantError(
            "The rules of the platform forbid this message: " + "; ".join(verdict.reasons) + "."
        )
    outbox.check_media(creator_id, message.media_ids)
    return outbox.queue(creator_id, message, author=author, answers=answers)


def cancel(send_id: UUID, outbox: Outbox, *, by: UUID) -> Send:
    """Call back a message that waits; one that was called back before stays so.

    Raises:
        NotWaitingError: It is under way, or has ended.
    """
    send = outbox.call_back(send_id, by=by)
    if send.state != SendState.CANCELLED:
        raise NotWaitingError(
            f"This message is {send.state}; only one that waits can be called back. What was sent"
            " can be taken back by its message in the thread."
        )
    return send
