"""Shapes of questions, figures and answers: as the route takes them, as the model gives them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from huntaze.ai.agents import Language
from huntaze.ai.agents.outputs import Text
from huntaze.domain.figures import Period, Scope

MAX_CALLS = 6


class Tool(StrEnum):
    """What the assistant may look at; nothing of it writes."""

    FANS = "fans"
    FAN_CHANGES = "fan_changes"
    TOP_FANS = "top_fans"
    REVENUE = "revenue"
    REVENUE_BY_TYPE = "revenue_by_type"
    REVENUE_BY_CREATOR = "revenue_by_creator"
    CAMPAIGNS = "campaigns"
    SENDS = "sends"
    INBOX = "inbox"
    AI_COSTS = "ai_costs"


class Call(BaseModel):
    """A look at one kind of figures."""

    model_config = ConfigDict(frozen=True)

    tool: Tool
    period: Period
    most: Annotated[int, Field(ge=1, le=10)]


class Saying(BaseModel):
    """What the model says, with places for the figures."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["answered", "no_data"]
    text: Text


class AssistantStep(BaseModel):
    """One step of the model: it looks, or it answers."""

    model_config = ConfigDict(frozen=True)

    calls: Annotated[list[Call], Field(max_length=MAX_CALLS)]
    answer: Saying | None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.calls) == (self.answer is not None):
            raise ValueError("give either calls or an answer")
        return self


class Unit(StrEnum):
    """What a value counts."""

    COUNT = "count"
    HOURS = "hours"
    CENTS = "cents"
    BASIS_POINTS = "basis_points"
    NANODOLLARS = "nanodollars"


class About(BaseModel):
    """Whom or what a figure is about; a fan's name is looked up for whoever reads."""

    kind: Literal["fan", "campaign", "creator"]
    id: UUID
    name: str | None


class Figure(BaseModel):
    """One figure of the workspace, and how it was found."""

    id: str = Field(description="As the answer cites it, e.g. `f3`.")
    tool: Tool
    period: str
    most: int
    name: str
    label: str = Field(description="The name in the language of the answer.")
    value: int | None = Field(description="Null is unknown, which is not zero.")
    unit: Unit
    currency: str | None = Field(description="Of an amount in cents.")
    since: date | None
    until: date | None
    about: About | None


class Question(BaseModel):
    """What a member wants to know."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)
    ]
    creator_id: UUID | None = Field(
        None, description="About this creator alone; left out, about all that the caller may see."
    )
    chat_id: UUID | None = Field(
        None, description="The conversation that goes on; left out, a new one begins."
    )
    language: Language | None = Field(
        None, description="Of the answer; left out, the language of the caller's profile."
    )


class Status(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    NO_DATA = "no_data"
    REFUSED = "refused"


class Turn(BaseModel):
    """A question and its answer."""

    position: int
    question: str
    language: Language
    status: Status
    answer: str = Field(description="Each figure is followed by its id, e.g. `[f3]`.")
    figures: list[Figure] = Field(description="Those that the answer cites.")
    generation_id: UUID
    created_at: datetime


class Reply(Turn):
    """The newest turn of a conversation."""

    chat_id: UUID


class Chat(BaseModel):
    """A conversation of one member with the assistant."""

    id: UUID
    creator_id: UUID | None
    turns: list[Turn]
    created_at: datetime


class Desk(NamedTuple):
    """What a question is about: where, in which days, in which language, what was said before."""

    creator_id: UUID | None
    scope: Scope
    today: date
    language: Language
    history: list[Turn]


class NewTurn(NamedTuple):
    """What is kept of a question: the answer has places instead of values."""

    question: str
    language: Language
    status: Status
    answer: str
    figures: list[Figure]
    generation_id: UUID
