"""What is known of an evening when it is over: the facts that its judge compares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from chaos.judge import RateRule


class Chat(NamedTuple):
    """A fan of a creator: the creator's id, and the platform's of the fan."""

    creator: str
    fan: str


@dataclass(frozen=True)
class Spoken:
    """A message that the platform accepted, in the order of ``seq``."""

    seq: int
    id: str
    chat: Chat
    own: bool
    text: str
    at: datetime
    tip_cents: int = 0


@dataclass(frozen=True)
class Sending:
    """A row of the ledger.

    Args:
        priority: From 0, a person's, to 3, a campaign's.
        due_at: From when on it may go.
        basis: The newest message of the thread when it was written, where that counts.
        granted_at: Of its last grant.
        ordered_at: When it was written into the ledger.
        by_person: Somebody wrote it, or let go what a model wrote.
    """

    id: str
    chat: Chat
    priority: int
    text: str
    state: str
    reason: str | None
    due_at: datetime
    message_id: str | None = None
    basis: str | None = None
    granted_at: datetime | None = None
    by_ai: bool = False
    campaign: str | None = None
    ordered_at: datetime | None = None
    by_person: bool = False


@dataclass(frozen=True)
class Kept:
    """A message as the system has stored it, and when it did."""

    id: str
    message_id: str
    chat: Chat
    own: bool
    at: datetime


@dataclass(frozen=True)
class Standing:
    """Where a conversation stands, as the inbox shows it."""

    chat: Chat
    state: str
    unread: int
    newest: str | None


@dataclass(frozen=True)
class Ordered:
    """A reply that a member ordered: what the API answered, each time that it was asked."""

    key: str
    chat: Chat
    text: str
    send_ids: tuple[str, ...]


@dataclass(frozen=True)
class Ran:
    """A run of an automation."""

    automation: str
    chat: Chat
    status: str


@dataclass(frozen=True)
class Automated:
    """An automation that was on the whole evening."""

    id: str
    creator: str
    trigger: str
    once: bool
    text: str


@dataclass(frozen=True)
class Listened:
    """What somebody heard: of which messages they were told, and at which places of the journal."""

    name: str
    creators: frozenset[str]
    messages: tuple[str, ...]
    places: tuple[int, ...]


@dataclass(frozen=True)
class Evening:
    """Everything that is judged.

    Args:
        spoken: The platform's truth.
        sendings: The ledger.
        kept: What is stored of conversations.
        standings: The inbox.
        ordered: Replies of members.
        rules: The rate rule of each creator.
        caps: Of each creator, automatic messages to a fan in a day.
        stops: Since when a fan's wish for no more messages is known to the system.
        stop_words: Who wrote one, and when the platform accepted it.
        audience: Who must have a row of the campaign.
        left: What had not come to rest, by name.
    """

    spoken: Sequence[Spoken]
    sendings: Sequence[Sending]
    kept: Sequence[Kept]
    standings: Sequence[Standing]
    ordered: Sequence[Ordered]
    rules: Mapping[str, RateRule]
    caps: Mapping[str, int]
    stops: Mapping[Chat, datetime]
    stop_words: Mapping[Chat, datetime]
    ran: Sequence[Ran]
    automated: Sequence[Automated]
    listened: Sequence[Listened]
    audience: Sequence[Chat] = ()
    campaign: str | None = None
    left: Mapping[str, int] = field(default_factory=dict)
