"""Shapes of what people read about their business."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field


class Bucket(StrEnum):
    """How days are put together."""

    DAY = "day"
    MONTH = "month"


class Days(BaseModel):
    """Which days a report is about, both ends included."""

    since: date | None = Field(description="Null is from the beginning.")
    until: date
    time_zone: str = Field(description="Of the creator; of the workspace where there are several.")


class Earned(BaseModel):
    """Money in one currency; currencies are never added."""

    currency: str
    gross_cents: int
    fee_cents: int
    reversed_cents: int = Field(description="What refunds and chargebacks took back, net.")
    reversals: int
    net_cents: int = Field(description="What is left after fees, refunds and chargebacks.")
    net_before_cents: int | None = Field(description="In as many days just before.")
    change_basis_points: int | None = Field(description="Null where there was nothing before.")


class Overview(BaseModel):
    """How the business does."""

    days: Days
    fans: int
    subscribers: int
    expired_fans: int
    followers: int
    new_subscribers: int
    ended_subscriptions: int
    subscriber_growth: int
    messages_sent: int
    fans_waiting: int = Field(description="Fans who wrote last and have no answer.")
    longest_wait_hours: int | None
    revenue: list[Earned]


class TypeShare(BaseModel):
    """What one kind of transaction left."""

    type: str
    currency: str
    net_cents: int


class CreatorShare(BaseModel):
    """What is left for one creator."""

    creator_id: UUID
    display_name: str
    currency: str
    net_cents: int


class EarnedPoint(BaseModel):
    """What a day or a month left; they add up to the total."""

    starts_on: date
    currency: str
    net_cents: int


class Revenue(BaseModel):
    """What was earned, by kind, by creator and over time."""

    days: Days
    totals: list[Earned]
    by_type: list[TypeShare]
    by_creator: list[CreatorShare]
    bucket: Bucket
    points: list[EarnedPoint]


class GrowthPoint(BaseModel):
    """The subscriptions that began and ended in a day or a month."""

    starts_on: date
    new_subscribers: int
    ended_subscriptions: int


class FanGrowth(BaseModel):
    """How the number of subscribers changes."""

    days: Days
    subscribers: int
    new_subscribers: int
    ended_subscriptions: int
    subscriber_growth: int
    bucket: Bucket
    points: list[GrowthPoint]


class Amount(BaseModel):
    """An amount of one currency."""

    currency: str
    net_cents: int


class PlatformShare(BaseModel):
    """The creators' accounts on one platform."""

    platform: str
    creators: int
    fans: int
    subscribers: int
    revenue: list[Amount]


class Platforms(BaseModel):
    """The platforms, side by side."""

    days: Days
    items: list[PlatformShare]


class TopFan(BaseModel):
    """A fan who brought money."""

    fan_id: UUID
    creator_id: UUID
    handle: str
    display_name: str | None
    currency: str
    net_cents: int


class TopFans(BaseModel):
    """The fans who brought the most, currency by currency, the first one of each first."""

    days: Days
    items: list[TopFan]


class Messages(BaseModel):
    """What became of messages."""

    days: Days
    sent: int
    unknown: int = Field(description="Nobody knows yet whether they arrived.")
    priced: int = Field(description="Of those sent, the ones with a price.")
    unlocked: int = Field(description="Of those with a price, the ones that were bought.")
    golden_ratio_basis_points: int | None = Field(description="With a price, of all sent.")
    unlock_ratio_basis_points: int | None = Field(description="Bought, of those with a price.")


class MoneyPoint(NamedTuple):
    """What the database found for one day or month and currency."""

    starts_on: date
    currency: str
    net_cents: int
