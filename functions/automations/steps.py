"""What an automation does with a fan, step by step: a graph whose arrows are names of steps."""

from abc import abstractmethod
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.automations.triggers import Tag
from huntaze.domain.audience import SegmentRules
from huntaze.domain.outbound.texts import MAX_TEXT

# A year: what is to come later than that is another automation's.
MAX_MINUTES = 366 * 24 * 60

type StepName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: StepName

    @property
    @abstractmethod
    def arrows(self) -> list[str]:
        """The steps that may come next."""


class _Straight(_Step):
    next: StepName | None = Field(None, description="The step after it; null is the end.")

    @property
    def arrows(self) -> list[str]:
        """The step that comes next, if any."""
        return [] if self.next is None else [self.next]


class Condition(_Step):
    """Go one way if the fan fulfils rules of a segment at that moment, and another if not."""

    kind: Literal["condition"]
    rules: SegmentRules
    then: StepName | None = None
    otherwise: StepName | None = None

    @property
    def arrows(self) -> list[str]:
        """Both ways."""
        return [way for way in (self.then, self.otherwise) if way is not None]


class Wait(_Straight):
    """Go on later."""

    kind: Literal["wait"]
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)]

    @property
    def length(self) -> timedelta:
        """How long."""
        return timedelta(minutes=self.minutes)


class SendMessage(_Straight):
    """Send the fan a message, at the lane's pace and within caps and quiet hours."""

    kind: Literal["send_message"]
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*$")]
    price_cents: Annotated[int, Field(ge=0, le=20000)] = 0
    media_ids: Annotated[list[UUID], Field(max_length=20)] = []


class AddTag(_Straight):
    """Give the fan a tag."""

    kind: Literal["add_tag"]
    tag: Tag


class RemoveTag(_Straight):
    """Take a tag from the fan."""

    kind: Literal["remove_tag"]
    tag: Tag


class AddToList(_Straight):
    """Put the fan on a list."""

    kind: Literal["add_to_list"]
    list_id: UUID


class RemoveFromList(_Straight):
    """Take the fan off a list."""

    kind: Literal["remove_from_list"]
    list_id: UUID


class Notify(_Straight):
    """Tell the members who may see the creator that a run has come here."""

    kind: Literal["notify"]


class Assign(_Straight):
    """Have a member look after the fan; null is nobody."""

    kind: Literal["assign"]
    member_id: UUID | None


class StartCampaign(_Straight):
    """Launch a campaign that is a draft; it goes on as if a member had launched it."""

    kind: Literal["start_campaign"]
    campaign_id: UUID


type Action = (
    SendMessage | AddTag | RemoveTag | AddToList | RemoveFromList | Notify | Assign | StartCampaign
)
type Step = Annotated[
    Condition
    | Wait
    | SendMessage
    | AddTag
    | RemoveTag
    | AddToList
    | RemoveFromList
    | Notify
    | Assign
    | StartCampaign,
    Field(discriminator="kind"),
]
