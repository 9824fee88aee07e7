"""How a reply gets into the ledger: approved by a person, or by itself where the owner lets it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from functions.chatbot import cases
from functions.chatbot.distance import distance
from functions.chatbot.models import Case
from functions.chatbot.pacing import delay
from functions.chatbot.voiding import answer_anew, let_stand
from huntaze import ai
from huntaze.ai.models import Outcome as Became
from huntaze.db import Connection
from huntaze.domain import ai_configs, audit, compliance, proofs
from huntaze.domain.audit import ActorKind
from huntaze.domain.compliance.review import forbidden_topics_in
from huntaze.domain.outbound import planning
from huntaze.domain.outbound.states import Priority
from huntaze.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PaymentRequiredError,
)

# Whoever was told today need not be told with each message.
_TOLD_FOR = timedelta(hours=24)
_MOVED_ON = "the conversation moved on"


class DraftOverError(ConflictError):
    """Nobody can decide about the draft any more."""


class NotCompliantError(InvalidInputError):
    """The text may not be sent on this platform."""


class NoDisclosureError(InvalidInputError):
    """The creator has no words with which AI is disclosed."""


class InDangerError(ConflictError):
    """Somebody may come to harm: the fan hears from a person, not from a model."""


@dataclass(frozen=True)
class StoredDraft:
    """A draft as its decision needs it."""

    workspace_id: UUID
    id: UUID
    creator_id: UUID
    fan_id: UUID
    conversation_id: UUID
    based_on: UUID
    based_on_platform_id: str
    text: str
    generation_id: UUID
    model: str
    prompt_version: str
    review: dict[str, Any]
    state: str
    why: str | None
    created_at: datetime


@dataclass(frozen=True)
class Decision:
    """What somebody decides.

    Args:
        by: The member; of what goes by itself, the owner who allows that.
        text: What is sent in the draft's place; None: the draft.
        disclose: Whether to say that AI helps; None: once a day.
        by_itself: Nobody has looked.
        due_at: Not before; None: at once.
    """

    by: UUID
    text: str | None = None
    disclose: bool | None = None
    by_itself: bool = False
    due_at: datetime | None = None


def hold(connection: Connection, draft_id: UUID) -> StoredDraft:
    """Hold a draft and its conversation until the commit; one that is void by now is discarded.

    Where the fan still waits, another one is written.

    Raises:
        NotFoundError: The caller has no such draft.
    """
    query = (
        "SELECT workspace_id, id, creator_id, fan_id, conversation_id, based_on,"
        " based_on_platform_id, text, generation_id, model, prompt_version, review, state, why,"
        " created_at FROM reply_drafts WHERE id = %s"
    )
    with connection.cursor(row_factory=class_row(StoredDraft)) as reading:
        found = reading.execute(query, (draft_id,)).fetchone()
        if found is None:
            raise NotFoundError("There is no such draft in this workspace.")
        # First the conversation, as everybody does: nobody adds to it meanwhile.
        about = cases.conversation(connection, found.conversation_id, hold=True)
        thread = cases.newest(connection, found.conversation_id)
        let_stand(connection, about, thread)
        found = reading.execute(query + " FOR NO KEY UPDATE", (draft_id,)).fetchone()
    if found is None:
        raise NotFoundError("There is no such draft in this workspace.")
    is_void = not thread or thread[-1].id != found.based_on or about.get("silenced", True)
    if found.state == "pending" and is_void:
        connection.execute(
            "UPDATE reply_drafts SET state = 'discarded', why = %s, decided_at = clock_timestamp()"
            " WHERE id = %s",
            (_MOVED_ON, draft_id),
        )
        answer_anew(connection, found.conversation_id, cases.waiting(thread))
        return StoredDraft(**{**vars(found), "state": "discarded", "why": _MOVED_ON})
    return found


def release(connection: Connection, draft: StoredDraft, decision: Decision) -> UUID:
    """Put a draft that is held into the ledger, and write down who let it go.

    Raises:
        NoDisclosureError: Nobody has said how AI is disclosed.
        NotCompliantError: The rules forbid what would be sent.
        PaymentRequiredError: The workspace's plan does not include the message.
        InDangerError: The conversation was handed over, and a person has to look first.
    """
    if cases.is_in_danger(connection, draft.fan_id):
        raise InDangerError(
            "Somebody may come to harm here, and a model's words are not sent: answer in your own,"
            " or resolve the hand-over first."
        )
    voice = ai_configs.voice_of(connection, draft.creator_id)
    is_edited = decision.text is not None and decision.text != draft.text
    text = decision.text if decision.text is not None else draft.text
    if decision.disclose and voice.disclosure is None:
        raise NoDisclosureError(
            "The creator has no words for that: set `disclosure` in the configuration first.",
            fields={"disclose": "no words for it"},
        )
    disclosure = voice.disclosure if _discloses(connection, draft, decision) else None
    if voice.disclosure is not None and voice.disclosure in text:
        disclosure, sent = voice.disclosure, text
    else:
        sent = f"{text}\n\n{disclosure}" if disclosure else text
    verdict = compliance.check(sent, platform=voice.platform)
    against = [*verdict.reasons, *forbidden_topics_in(sent, voice)]
    if against:
        raise NotCompliantError(
            "The rules of the platform or the creator forbid this: " + "; ".join(against) + ".",
            fields={"text": "; ".join(against)},
        )
    send_id = planning.plan_direct(
        connection,
        planning.DirectSend(
            workspace_id=draft.workspace_id,
            creator_id=draft.creator_id,
            fan_id=draft.fan_id,
            text=sent,
            authorship=planning.Authorship(
                "ai", decision.by, draft.model, disclosure is not None, draft.id
            ),
            priority=Priority.CHATBOT,
            expected_message_id=draft.based_on_platform_id,
            by_itself=decision.by_itself,
            due_at=decision.due_at,
        ),
    )
    _decide(connection, draft, decision, send_id, text if is_edited else None)
    _prove(connection, draft, decision, send_id, {"sent": sent, "disclosure": disclosure})
    return send_id


def release_by_itself(
    connection: Connection, case: Case, draft_id: UUID, *, now: datetime, chance: float
) -> bool:
    """Put a draft into the ledger without a person, where that is allowed now.

    Args:
        connection: In the transaction that holds the conversation.
        case: The conversation.
        draft_id: What was written.
        now: The time.
        chance: From 0 to 1; of the pause.
    """
    owner = connection.execute(
        "SELECT auto_send_by FROM ai_configs WHERE creator_id = %s", (case.creator_id,)
    ).fetchone()
    if (
        owner is None
        or case.handed_over
        or case.voice.disclosure is None
        or not ai_configs.may_auto_send(connection, case.creator_id)
    ):
        return False
    draft = hold(connection, draft_id)
    if draft.state != "pending" or not cases.is_active_still(connection, case):
        return False
    pause = delay(case.message.text, draft.text, chance)
    try:
        with connection.transaction():
            release(
                connection,
                draft,
                Decision(owner[0], disclose=True, by_itself=True, due_at=now + pause),
            )
    except (InDangerError, NotCompliantError, PaymentRequiredError, ForbiddenError):
        # With the disclosure it says something else than without, or the workspace's plan includes
        # no more messages: a person looks.
        return False
    return True


def _discloses(connection: Connection, draft: StoredDraft, decision: Decision) -> bool:
    if decision.disclose is not None:
        return decision.disclose
    # What is only planned may never go out.
    told = connection.execute(
        "SELECT FROM sends WHERE fan_id = %s AND ai_disclosed AND granted_at >"
        " clock_timestamp() - %s AND state IN ('submitting', 'sent') AND unsent_at IS NULL"
        " LIMIT 1",
        (draft.fan_id, _TOLD_FOR),
    ).fetchone()
    return told is None


def _decide(
    connection: Connection,
    draft: StoredDraft,
    decision: Decision,
    send_id: UUID,
    edited: str | None,
) -> None:
    connection.execute(
        "UPDATE reply_drafts SET state = %s, decided_by = %s, decided_at = clock_timestamp(),"
        " by_itself = %s, final_text = %s, edit_distance = %s, send_id = %s WHERE id = %s",
        (
            "approved" if edited is None else "edited",
            decision.by,
            decision.by_itself,
            edited,
            0 if edited is None else distance(draft.text, edited),
            send_id,
            draft.id,
        ),
    )
    became = Became.ACCEPTED if edited is None else Became.EDITED
    who = None if decision.by_itself else decision.by
    ai.record_outcome(connection, draft.generation_id, became, by=who)


def _prove(
    connection: Connection,
    draft: StoredDraft,
    decision: Decision,
    send_id: UUID,
    texts: dict[str, str | None],
) -> None:
    proofs.record(
        connection,
        "reply.released" if decision.by_itself else "reply.approved",
        audit.Target("reply", draft.id),
        {"draft": draft.text, **texts},
        creator_id=draft.creator_id,
        fan_id=draft.fan_id,
        actor_id=decision.by,
        actor_kind=ActorKind.WORKFLOW if decision.by_itself else ActorKind.MEMBER,
        facts={
            "generation_id": str(draft.generation_id),
            "model": draft.model,
            "prompt_version": draft.prompt_version,
            "review": {
                "model": draft.review.get("model"),
                "prompt_version": draft.review.get("prompt_version"),
                "generation_id": draft.review.get("generation_id"),
            },
            "edited": decision.text is not None and decision.text != draft.text,
            "disclosed": texts["disclosure"] is not None,
            "send_id": str(send_id),
        },
    )
