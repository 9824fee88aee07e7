"""What an event changes: one transaction each, in whatever order they come."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel

from functions.platforms.events.models import (
    DeletedMessage,
    FanFacts,
    MessageFacts,
    SubscriptionFacts,
    TransactionFacts,
)
from huntaze.db import Connection, Tenant
from huntaze.domain import conversations, fans, money, pushes
from huntaze.domain.conversations import SeenMessage
from huntaze.domain.fans import ChatRow
from huntaze.domain.outbound import syncs
from huntaze.domain.platform_rows import (
    MAX_NAME,
    MAX_TEXT,
    EarningRow,
    SubscriberRow,
    fan_of,
    id_of,
    transaction_of,
    words_of,
)
from huntaze.domain.pushes import Outcome

_UPDATED = "message.updated"


class UnusableEventError(Exception):
    """An event of a known kind does not say what it must; the queue gives it up in the end."""


class _Said(BaseModel):
    data: dict[str, Any]


class _Told(NamedTuple):
    """An event at work."""

    connection: Connection
    creator_id: UUID
    id: str
    at: datetime
    kind: str

    def is_newest(self, kind: pushes.Kind, thing: str) -> bool:
        """Whether nothing newer was told of the thing."""
        return pushes.is_newest(
            self.connection, self.creator_id, kind, thing, told_at=self.at, event_id=self.id
        )


class PostgresPushes:
    """The events of one workspace."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def work_on(self, creator_id: UUID, event_id: str) -> Outcome | None:
        """Do what an event says, once; None if that is done.

        Raises:
            UnusableEventError: It does not say what it must.
            pydantic.ValidationError: The same.
        """
        with self._tenant.transaction() as connection:
            event = pushes.to_work_on(connection, creator_id, event_id)
            if event is None:
                return None
            change, facts = _change_of(event.kind)
            if change is None or facts is None:
                outcome = Outcome.UNKNOWN_KIND
            else:
                said = facts.model_validate(_Said.model_validate_json(event.body).data)
                told = _Told(connection, creator_id, event.id, event.occurred_at, event.kind)
                outcome = Outcome.APPLIED if change(told, said) else Outcome.OLDER
            pushes.finish(connection, creator_id, event_id, outcome)
            return outcome

    def note_failure(self, creator_id: UUID, event_id: str) -> None:
        """Note that work on an event has failed."""
        with self._tenant.transaction() as connection:
            pushes.note_failure(connection, creator_id, event_id)


def _message(told: _Told, said: MessageFacts) -> bool:
    """Store a message; what is older than what was told adds to it and corrects nothing."""
    connection, creator_id = told.connection, told.creator_id
    newest = told.is_newest("message", said.id)
    seen = SeenMessage(
        id=said.id,
        own=said.direction == "out",
        text=words_of(said.text, MAX_TEXT) or "",
        sent_at=said.sent_at,
        price_cents=said.price_cents,
        paid=said.paid_at is not None,
        tip_cents=said.tip_cents,
        media=said.media,
        unsent=pushes.is_gone(connection, creator_id, "message", said.id),
        late=not newest,
    )
    fans.record_chats(connection, creator_id, [_chat_of(_named(told, said.fan), seen)])
    conversations.store(connection, creator_id, said.fan.id, [seen])
    if said.opened_at is not None:
        conversations.note_opened(connection, creator_id, said.id)
    if newest:
        edited = told.kind == _UPDATED
        conversations.correct(connection, creator_id, seen, edited=edited)
    return newest


def _deletion(told: _Told, said: DeletedMessage) -> bool:
    pushes.note_gone(told.connection, told.creator_id, "message", said.id)
    conversations.note_taken_back(told.connection, told.creator_id, said.id)
    return True


def _subscription(told: _Told, said: SubscriptionFacts) -> bool:
    """Bring a fan up to date, unless a sync has read the whole list since."""
    connection, creator_id = told.connection, told.creator_id
    if not told.is_newest("subscription", said.fan.id):
        return False
    # Fences before fans, always: two events of one fan must not wait for each other.
    fan = _named(told, said.fan)
    if said.last_seen_at is not None:
        fans.note_online(connection, creator_id, {said.fan.id: said.last_seen_at})
    if syncs.has_read_since(connection, creator_id, "sync_subscribers", told.at):
        return False
    row = fan_of(
        0,
        SubscriberRow(
            fan_platform_id=fan.id,
            handle=fan.handle or _handle_of(told, fan.id) or fan.id,
            display_name=fan.display_name,
            status=said.status,
            price_cents=said.price_cents,
            rebill_on=said.rebill_on,
            subscribed_at=said.subscribed_at,
            expires_at=said.expires_at,
        ),
    )
    if row is None:
        raise UnusableEventError("the fan cannot be told by what is said")
    fans.upsert(connection, creator_id, [row], values=fans.PLATFORM_VALUES)
    if said.last_seen_at is not None:
        fans.note_online(connection, creator_id, {said.fan.id: said.last_seen_at})
    return True


def _transaction(told: _Told, said: TransactionFacts) -> bool:
    connection, creator_id = told.connection, told.creator_id
    if not told.is_newest("transaction", said.id):
        return False
    row = transaction_of(
        0,
        EarningRow(
            transaction_id=said.id,
            fan_platform_id=said.fan.id,
            type=said.type,
            amount_cents=said.amount_cents,
            fee_cents=said.fee_cents,
            net_cents=said.net_cents,
            created_at=said.created_at,
            message_id=said.message_id,
            reverses=said.reverses,
            description=said.description,
        ),
    )
    if row is None:
        raise UnusableEventError("the movement cannot be one")
    money.record(connection, creator_id, [row])
    return True


def _named(told: _Told, fan: FanFacts) -> FanFacts:
    """A fan as an event names them, without what a newer one has told already."""
    names = {"handle": fan.handle, "display_name": fan.display_name}
    newest = {
        column: name
        for column, name in names.items()
        if name and told.is_newest("fan", f"{column}/{fan.id}")
    }
    return FanFacts(id=fan.id, **newest)


def _handle_of(told: _Told, fan_platform_id: str) -> str | None:
    row = told.connection.execute(
        "SELECT handle FROM fans WHERE creator_id = %s AND platform_id = %s",
        (told.creator_id, fan_platform_id),
    ).fetchone()
    return row[0] if row else None


def _chat_of(fan: FanFacts, seen: SeenMessage) -> ChatRow:
    return ChatRow(
        fan.id,
        handle=id_of(fan.handle),
        display_name=words_of(fan.display_name, MAX_NAME),
        last_is_own=seen.own,
        last_at=seen.sent_at.isoformat() if seen.sent_at else None,
        last_text=seen.text,
    )


def _change_of(
    kind: str,
) -> tuple[Callable[[_Told, Any], bool] | None, type[BaseModel] | None]:
    """Return what an event of a kind does, and what it must say."""
    if kind in {"message.created", _UPDATED}:
        return _message, MessageFacts
    if kind == "message.deleted":
        return _deletion, DeletedMessage
    if kind.startswith("subscription."):
        return _subscription, SubscriptionFacts
    if kind.startswith("transaction."):
        return _transaction, TransactionFacts
    return None, None
