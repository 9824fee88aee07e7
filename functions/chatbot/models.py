"""What the chatbot knows of a conversation, and what it does about a message."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from huntaze.ai.agents import Voice
from huntaze.ai.agents.outputs import Intent, Topic
from huntaze.domain.compliance.review import Review
from huntaze.domain.dangers import GRAVE

# Of one fan, with those that a person deleted.
MOST_FACTS = 200
# The gravest first, where nobody may come to harm; what a model alone finds comes after these.
_GRAVITY = [topic.value for topic in Topic]


class Incoming(BaseModel):
    """A message that may want an answer."""

    model_config = ConfigDict(frozen=True)

    conversation_id: UUID
    message_id: UUID


class DueReply(Incoming):
    """A message that had to wait, as the sweep puts it into the queue."""

    workspace_id: UUID


class ChatLine(BaseModel):
    """One message of a thread.

    Args:
        automatic: It was made for many fans at once, and answers none of them.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    platform_message_id: str
    direction: Literal["in", "out"]
    text: str
    sent_at: datetime
    automatic: bool = False


class Switch(BaseModel):
    """How the chatbot works for a creator."""

    model_config = ConfigDict(frozen=True)

    active_since: datetime | None = None
    spend_ceiling_cents: int | None = None
    spend_days: int = 30
    min_confidence: int = 50


class AutoReplyRule(BaseModel):
    """A rule that is on, as the work with messages sees it.

    Args:
        is_due: It has not answered this fan in its time.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    condition: "Condition"
    text: str
    every_hours: int
    written_by: UUID
    is_due: bool = True


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


type Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class KeywordCondition(_Shape):
    """The message has one of these words, or all of them, as words of their own."""

    kind: Literal["keyword"]
    words: Annotated[list[Word], Field(min_length=1, max_length=30)]
    match: Literal["any", "all"] = "any"


class IntentCondition(_Shape):
    """A model finds that the message wants this; looked at while the chatbot is on."""

    kind: Literal["intent"]
    intents: Annotated[list[Intent], Field(min_length=1, max_length=15)]


class TimeCondition(_Shape):
    """The message comes within these hours, which may pass midnight."""

    kind: Literal["time"]
    begins: time = Field(description="Without a zone, e.g. 22:00.")
    ends: time
    zone: Literal["fan", "creator"] = Field(
        "fan", description="Whose clock; of a fan without a known zone, the creator's."
    )


class FirstMessageCondition(_Shape):
    """It is the fan's first message."""

    kind: Literal["first_message"]


class AwayCondition(_Shape):
    """The creator is away; without an end, for as long as the rule is on."""

    kind: Literal["away"]
    begins: datetime | None = None
    ends: datetime | None = None


type Condition = Annotated[
    KeywordCondition | IntentCondition | TimeCondition | FirstMessageCondition | AwayCondition,
    Field(discriminator="kind"),
]


def aware(moment: datetime) -> datetime:
    """A moment; without a zone it is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Moment:
    """What rules of answers look at.

    Args:
        goes_out: When an answer may go out, if that is not at once.
    """

    text: str
    is_first: bool
    now: datetime
    fan_zone: str | None
    creator_zone: str
    intent: Intent | None = None
    goes_out: datetime | None = None


@dataclass(frozen=True)
class Fan:
    """What is known of a fan without a model."""

    display_name: str | None
    handle: str
    time_zone: str | None
    spent_cents: int
    # Wants no messages, or may get none.
    silenced: bool


@dataclass(frozen=True)
class Case:
    """One conversation whose newest message is a fan's, as one transaction has read it.

    Args:
        thread: The last messages, oldest first; what answers is the fan's.
        unanswered: The fan's messages that no answer and no hand-over has dealt with, oldest
            first; the newest is always among them.
        waits: The same with what hand-overs have dealt with.
        facts: What is known of the fan, by what it is about.
        handed_over: A person has taken the conversation over, and not given it back.
        for_campaign: The fan answers a campaign whose replies the chatbot takes.
        quiet_until: When the fan's quiet hours end, if it is in them.
        in_plan: The workspace's plan has the chatbot; without, it is off and no rule answers.
    """

    workspace_id: UUID
    creator_id: UUID
    fan_id: UUID
    conversation_id: UUID
    platform: str
    creator_zone: str
    fan: Fan
    thread: list[ChatLine]
    unanswered: list[ChatLine]
    switch: Switch
    voice: Voice
    waits: list[ChatLine] = field(default_factory=list)
    rules: list[AutoReplyRule] = field(default_factory=list)
    summary: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    is_first: bool = False
    handed_over: bool = False
    for_campaign: bool = False
    quiet_until: datetime | None = None
    in_plan: bool = True

    @property
    def message(self) -> ChatLine:
        """What it is about."""
        return next(line for line in reversed(self.thread) if not line.automatic)

    @property
    def last(self) -> ChatLine:
        """The newest message, whoever it is from: an answer holds while it stays the newest."""
        return self.thread[-1]

    @property
    def is_active(self) -> bool:
        """Whether the chatbot answers here."""
        return self.in_plan and (self.switch.active_since is not None or self.for_campaign)


class Outcome(StrEnum):
    """What became of a message."""

    MOVED_ON = "moved_on"
    STOPPED = "stopped"
    OFF = "off"
    HANDED_OVER = "handed_over"
    ANSWERED_BY_RULE = "answered_by_rule"
    DRAFTED = "drafted"
    SENT = "sent"
    HELD_UP = "held_up"
    GIVEN_UP = "given_up"
    BUSY = "busy"


def gravest(topics: Iterable[str]) -> str:
    """Of some topics, the one under which a person is told: danger before everything else."""
    return min(topics, key=_gravity)


def _gravity(topic: str) -> tuple[bool, int]:
    place = _GRAVITY.index(topic) if topic in _GRAVITY else len(_GRAVITY)
    return topic not in GRAVE, place


@dataclass(frozen=True)
class HandOver:
    """A person must take over.

    Args:
        topic: Of all topics, the gravest.
        reasons: For the person.
        generation_id: Whose answer says so, if a model's does.
    """

    topic: str
    reasons: list[str]
    found_by: Literal["rules", "model"] = "rules"
    generation_id: UUID | None = None


@dataclass(frozen=True)
class Proposal:
    """A reply that both checks approved.

    Args:
        warning: Why it is to be looked at with care.
    """

    text: str
    confidence: int
    reasons: list[str]
    generation_id: UUID
    model: str
    prompt_version: str
    review: Review
    warning: str | None = None


@dataclass(frozen=True)
class Memory:
    """What a model has read in a message."""

    sentiment: str
    intent: str
    urgency: int
    language: str
    gist: str
    summary: str
    # name, text, and the message that says so
    facts: list[tuple[str, str, UUID]]
    generation_id: UUID


@dataclass(frozen=True)
class Findings:
    """What came of asking the models."""

    memory: Memory | None = None
    hand_over: HandOver | None = None
    proposal: Proposal | None = None
    # What is done about the message already, by a rule that looks at what a model found.
    outcome: Outcome | None = None


class Detail(BaseModel):
    """What the outbox says of an event."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    workspace_id: UUID
    aggregate_id: UUID
    created_at: datetime
    correlation_id: UUID | None = None
    payload: dict[str, Any]


class BusEvent(BaseModel):
    """An event of the bus."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(alias="detail-type")
    detail: Detail
