"""Shapes of campaigns, as the API takes and gives them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from functions.campaigns.status import CampaignStatus
from huntaze.domain.outbound.texts import MAX_TEXT, MessageText, sendable
from huntaze.moments import Moment

# Five texts to compare, or a few for each of a few segments.
MOST_VARIANTS = 12
HoldoutPercent = Annotated[Decimal, Field(ge=0, le=50, max_digits=5, decimal_places=2)]


class Variant(BaseModel):
    """One text of an A/B test, or of a segment."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[\w-]+$")]
    message: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    weight: Annotated[int, Field(ge=1, le=100)] = 1
    segment_id: UUID | None = Field(
        None,
        description="For fans of this segment; who is in several is in the first of them, in the"
        " order of the variants. Null is for fans that no other variant's segment has.",
    )


class CampaignContent(BaseModel):
    """What a campaign says, to whom, when; shared by drafts and changes."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    segment_id: UUID | None = Field(None, description="Null is every fan of the creator.")
    message: MessageText | None = Field(None, description="The one text; or give `variants`.")
    variants: Annotated[list[Variant], Field(min_length=1, max_length=MOST_VARIANTS)] | None = None
    price_cents: Annotated[int, Field(ge=0, le=20000)] | None = None
    media_ids: Annotated[list[UUID], Field(max_length=20)] | None = None
    scheduled_at: Moment | None = None
    holdout_percent: HoldoutPercent | None = None
    messages_per_minute: Annotated[int, Field(ge=1, le=6000)] | None = Field(
        None, description="Slower than the platform's limit; never faster."
    )

    @field_validator("variants")
    @classmethod
    def _are_sendable(cls, variants: list[Variant] | None) -> list[Variant] | None:
        # Not in the variant itself: what is stored must be readable, however old it is.
        return variants and [
            variant.model_copy(update={"message": sendable(variant.message)})
            for variant in variants
        ]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.message is not None and self.variants is not None:
            raise ValueError("give either message or variants")
        labels = [variant.label for variant in self.variants or []]
        if len(set(labels)) != len(labels):
            raise ValueError("each variant needs a label of its own")
        return self

    def texts(self) -> list[Variant] | None:
        """The variants, the single message being one called A."""
        if self.message is not None:
            return [Variant(label="A", message=self.message)]
        return self.variants


class CampaignDraft(CampaignContent):
    """A new campaign."""

    creator_id: UUID | None = Field(None, description="Omitted: the workspace's only creator.")
    name: Annotated[str, Field(min_length=1, max_length=200)]
    template_id: str | None = Field(None, description="Fills in the message that is not given.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.message is None and self.variants is None and self.template_id is None:
            raise ValueError("give a message, variants or a template_id")
        return self


class CampaignChanges(CampaignContent):
    """Changes of a campaign; what is absent stays, what is null is cleared."""


class Campaign(BaseModel):
    """A campaign."""

    id: UUID
    creator_id: UUID
    name: str
    status: CampaignStatus
    template_id: str | None
    segment_id: UUID | None
    variants: list[Variant]
    written_by: str
    ai_disclosed: bool
    price_cents: int
    media_ids: list[UUID]
    scheduled_at: datetime | None
    holdout_percent: Decimal
    messages_per_minute: int | None
    version: int
    approved_version: int | None
    dry_run: dict[str, Any] | None
    failure: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    launched_at: datetime | None
    released_at: datetime | None
    finished_at: datetime | None
    finish_reason: Literal["no_fans", "all_excluded"] | None = Field(
        description="Why it completed without a message to anyone."
    )


class StoredCampaign(Campaign):
    """A campaign with what only the machinery knows."""

    workspace_id: UUID
    platform: str
    model: str | None
    ai_cost_nanos: int
    generation_id: UUID | None
    launch: int
    execution_arn: str | None
    approval_token: str | None
    delivery_token: str | None
    delivered_at: datetime | None
    created_by: UUID
    correlation_id: UUID | None
    trace: str | None

    def public(self) -> Campaign:
        """Without the machinery's part."""
        return Campaign.model_validate(self.model_dump())


class Decision(BaseModel):
    """A person's word on a campaign."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(
        None, description="The version that was looked at; another one answers 409."
    )
    note: Annotated[str, Field(max_length=2000)] | None = None


class ExpectedRevenue(BaseModel):
    """What past paid messages of the creator suggest, before fees."""

    cents: int
    low_cents: int
    high_cents: int
    currency: str
    based_on_messages: int


class DryRun(BaseModel):
    """What a launch would do now."""

    audience_hash: str
    content_hash: str | None = Field(None, description="Of what an approval would be given for.")
    audience: int
    planned: int
    held_out: int
    excluded: dict[str, int]
    eta_seconds: int
    eta_finished_at: datetime
    ai_cost_nano_usd: int = Field(description="Of generating the texts; 0 for a person's.")
    expected_revenue: ExpectedRevenue | None = Field(
        description="Null without enough history to say."
    )
    compliance: list[str] = Field(description="What the rules object to; empty when they pass.")
    lane_stopped: str | None = Field(description="Why the creator's sends stand still, if so.")


class Cancellation(BaseModel):
    """What a cancellation stopped, and what it could not."""

    campaign: Campaign
    cancelled: int
    may_still_arrive: int = Field(description="Messages that were being submitted just then.")


class UnsendOrder(BaseModel):
    """Messages that are being taken back."""

    requested: int = Field(description="That were not ordered before.")
    paid: int = Field(description="That stay, for fans have paid for them.")


class TestMessage(BaseModel):
    """Where to send one sample."""

    model_config = ConfigDict(extra="forbid")

    fan_id: UUID
    variant: str | None = Field(None, description="A label; omitted is the first.")


class SendCreated(BaseModel):
    """A direct message on its way through the lane."""

    send_id: UUID
    state: str
    eta_seconds: int


class Recipient(BaseModel):
    """One fan of a campaign and what became of the message."""

    id: UUID
    fan_id: UUID
    fan_handle: str
    state: str
    reason: str | None
    variant: str | None
    text: str
    price_cents: int
    attempt: int
    due_at: datetime
    granted_at: datetime | None
    settled_at: datetime | None
    platform_message_id: str | None
    evidence: dict[str, Any] | None
    unsent_at: datetime | None


class Settled(BaseModel):
    """What was done about an unknown outcome."""

    recipient: Recipient
    new_send_id: UUID | None = None


class VariantMetrics(BaseModel):
    """How one variant did."""

    label: str
    sent: int
    bought: int
    unlock_ratio: float | None


class Metrics(BaseModel):
    """A campaign in figures; the states add up to the audience.

    ``not_sent_because`` says what stood in the way: of ``media_missing`` an item that the
    platform's vault does not hold; see the usage of the items, and put it there again.
    """

    audience: int
    planned: int
    submitting: int
    sent: int
    not_sent: int
    unknown: int
    cancelled: int
    held_out: int
    skipped: dict[str, int]
    not_sent_because: dict[str, int]
    unsent: int
    bought: int
    variants: list[VariantMetrics]
    started_at: datetime | None
    finished_at: datetime | None


class Actual(BaseModel):
    """What the messages brought in, by the payments that name them; reversals count."""

    net_cents: int
    gross_cents: int = Field(description="Before fees, as `expected_revenue` is.")
    bought: int
    currency: str


class Forecast(BaseModel):
    """Forecast against actual."""

    forecast: DryRun | None
    remaining: int
    eta_seconds: int
    sent: int
    actual: Actual


class MessageTemplate(BaseModel):
    """A proven text for a niche, to start from."""

    id: str
    niche: str
    name: str
    goal: str
    message: str
    suggested_price_cents: int
    best_practices: list[str]
