"""How a person settles a message of which nobody knows whether it arrived."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict

from huntaze.db import Connection
from huntaze.domain import audit
from huntaze.domain.outbound import offers
from huntaze.domain.outbound.grants import announce
from huntaze.domain.outbound.planning import Authorship, DirectSend, evidence_json, plan_direct
from huntaze.domain.outbound.states import STILL_REPEATS, Priority, SendState
from huntaze.errors import ConflictError, NotFoundError

_HOLD = """
  SELECT id, workspace_id, creator_id, fan_id, campaign_id, text, price_cents, media_ids,
         written_by, model, ai_disclosed, approval_id, state,
         (evidence ->> 'sent_again_as')::uuid AS successor
    FROM sends WHERE id = %s FOR UPDATE
"""
# One that came to nothing repeats nothing: the question is open again.
_REPEATED = "SELECT FROM sends WHERE workspace_id = %s AND id = %s AND state = ANY (%s)"
_NOTE = "UPDATE sends SET evidence = coalesce(evidence, '{}') || %s::jsonb WHERE id = %s"
_ASSUME = """
  UPDATE sends SET state = 'sent', evidence = coalesce(evidence, '{}') || %s::jsonb WHERE id = %s
"""


class Settlement(BaseModel):
    """How a person settles an unknown outcome."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["assume_sent", "send_again"]


@dataclass(frozen=True)
class _InQuestion:
    """A message as the ledger has it."""

    id: UUID
    workspace_id: UUID
    creator_id: UUID
    fan_id: UUID
    campaign_id: UUID | None
    text: str
    price_cents: int
    media_ids: list[UUID]
    written_by: str
    model: str | None
    ai_disclosed: bool
    approval_id: UUID | None
    state: str
    successor: UUID | None


def settle(
    connection: Connection, send_id: UUID, settlement: Settlement, *, decided_by: UUID
) -> UUID | None:
    """Settle an unknown message as a person decides.

    Args:
        connection: In the workspace's transaction.
        send_id: Of the message.
        settlement: Whether the person vouches that it arrived, or has it sent again as a new
            direct message. Then the unknown row stays as it is and names its successor, which
            takes its offer of media over when it is granted.
        decided_by: The member.

    Returns:
        The message that repeats it; None: it is held to have arrived.

    Raises:
        NotFoundError: The workspace has no such message.
        ConflictError: Its outcome is known, or it was sent again already. If the successor comes
            to nothing, it may be settled anew.
    """
    with connection.cursor(row_factory=class_row(_InQuestion)) as reading:
        asked = reading.execute(_HOLD, (send_id,)).fetchone()
    if asked is None:
        raise NotFoundError("There is no such message.")
    if asked.state != SendState.UNKNOWN:
        raise ConflictError(f"This message is {asked.state}; only an unknown one can be settled.")
    # Asked once the row is held: of two people who settle it at once, the second sees the first.
    repeated = (asked.workspace_id, asked.successor, list(STILL_REPEATS))
    if connection.execute(_REPEATED, repeated).fetchone() is not None:
        raise ConflictError(
            f"This message was sent again already, as {asked.successor}; one that waits can be"
            " called back."
        )
    if settlement.decision == "assume_sent":
        _assume_sent(connection, asked, decided_by)
        return None
    return _send_again(connection, asked, decided_by)


def _assume_sent(connection: Connection, asked: _InQuestion, decided_by: UUID) -> None:
    told = evidence_json(settled_by=decided_by, decision="assume_sent")
    connection.execute(_ASSUME, (told, asked.id))
    offers.note_offered(connection, asked.id)
    announce(connection, asked, asked.id, asked.campaign_id, SendState.SENT)
    _record(connection, asked, "message.assumed_sent", decided_by)


def _send_again(connection: Connection, asked: _InQuestion, decided_by: UUID) -> UUID:
    new_send_id = plan_direct(
        connection,
        DirectSend(
            asked.workspace_id,
            asked.creator_id,
            asked.fan_id,
            asked.text,
            Authorship(
                asked.written_by, decided_by, asked.model, asked.ai_disclosed, asked.approval_id
            ),
            Priority.PERSON,
            asked.price_cents,
            asked.media_ids,
        ),
    )
    told = evidence_json(sent_again_as=new_send_id, settled_by=decided_by)
    connection.execute(_NOTE, (told, asked.id))
    _record(connection, asked, "message.sent_again", decided_by, new_send_id=str(new_send_id))
    return new_send_id


def _record(
    connection: Connection, asked: _InQuestion, action: str, decided_by: UUID, **facts: str
) -> None:
    audit.record(
        connection,
        action,
        audit.Target("send", asked.id),
        actor_id=decided_by,
        facts={"creator_id": str(asked.creator_id), **facts},
    )
