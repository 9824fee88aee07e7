"""What starts an automation: a happening, or the clock."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from huntaze.domain.happenings import HappeningKind
from huntaze.moments import Moment

type Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00]*$"),
]
type Cents = Annotated[int, Field(ge=1, le=10**12)]
type Hours = Annotated[int, Field(ge=1, le=24 * 30)]
type Days = Annotated[int, Field(ge=1, le=90)]


class _Trigger(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    # The happening that it listens to; None where only the clock tells.
    listens: ClassVar[HappeningKind | None] = None
    # How often the sweep looks for whom it is time; None where the clock tells nothing.
    looks_every: ClassVar[timedelta | None] = None


class NewSubscriber(_Trigger):
    """A fan subscribes, for the first time or again."""

    kind: Literal["new_subscriber"]
    listens: ClassVar[HappeningKind | None] = HappeningKind.SUBSCRIBED


class Expiring(_Trigger):
    """A subscription ends within some days; once for each end."""

    kind: Literal["subscription_expiring"]
    days: Days
    looks_every: ClassVar[timedelta | None] = timedelta(hours=1)


class Expired(_Trigger):
    """A subscription has ended: the platform says so, or its end has passed without rebill."""

    kind: Literal["subscription_expired"]
    listens: ClassVar[HappeningKind | None] = HappeningKind.EXPIRED
    looks_every: ClassVar[timedelta | None] = timedelta(hours=1)


class RebillOff(_Trigger):
    """A subscriber turns rebill off."""

    kind: Literal["rebill_off"]
    listens: ClassVar[HappeningKind | None] = HappeningKind.REBILL_OFF


class CameOnline(_Trigger):
    """A fan was seen on the platform, later than before."""

    kind: Literal["came_online"]
    listens: ClassVar[HappeningKind | None] = HappeningKind.CAME_ONLINE


class MessageReceived(_Trigger):
    """A fan wrote."""

    kind: Literal["message_received"]
    listens: ClassVar[HappeningKind | None] = HappeningKind.MESSAGE_RECEIVED


class PpvOpened(_Trigger):
    """A fan paid for a message."""

    kind: Literal["ppv_opened"]
    min_cents: Cents = 1
    listens: ClassVar[HappeningKind | None] = HappeningKind.PPV_OPENED


class PpvNotOpened(_Trigger):
    """A paid message was not paid for within some hours; the automation's own do not count."""

    kind: Literal["ppv_not_opened"]
    hours: Hours
    looks_every: ClassVar[timedelta | None] = timedelta(minutes=5)


class Tipped(_Trigger):
    """A fan tipped."""

    kind: Literal["tip"]
    min_cents: Cents = 1
    listens: ClassVar[HappeningKind | None] = HappeningKind.TIP


class SpendReached(_Trigger):
    """A payment brings what a fan is worth to a sum; once for each sum."""

    kind: Literal["spend_reached"]
    cents: Cents
    listens: ClassVar[HappeningKind | None] = HappeningKind.PAID


class TagAdded(_Trigger):
    """A fan is given a tag that they did not have."""

    kind: Literal["tag_added"]
    tag: Tag
    listens: ClassVar[HappeningKind | None] = HappeningKind.TAG_ADDED


class OnDate(_Trigger):
    """A moment comes; everybody of the audience, once."""

    kind: Literal["date"]
    at: Moment
    looks_every: ClassVar[timedelta | None] = timedelta(0)


type Trigger = Annotated[
    NewSubscriber
    | Expiring
    | Expired
    | RebillOff
    | CameOnline
    | MessageReceived
    | PpvOpened
    | PpvNotOpened
    | Tipped
    | SpendReached
    | TagAdded
    | OnDate,
    Field(discriminator="kind"),
]
