"""What agents answer. Lengths are looked at here: providers do not keep to them in a schema."""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

# Telegram-like tricks hide in signs that nobody sees; a line break is all that a text needs.
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_NO_PART_OF_A_TAG = re.compile(r"[^\w]|_")
_LONGEST_TAG = 60


def _at_most(most: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        clean = _CONTROLS.sub(" ", text).strip()
        if len(clean) > most:
            raise ValueError(f"must have at most {most} characters, has {len(clean)}")
        return clean

    return check


def _within(most: int) -> Callable[[str], str]:
    short = _at_most(most)

    def check(text: str) -> str:
        clean = short(text)
        if not clean:
            raise ValueError("must not be empty")
        return clean

    return check


def _one_word(text: str) -> str:
    word = _NO_PART_OF_A_TAG.sub("", text).lower()[:_LONGEST_TAG]
    if not word:
        raise ValueError("must be a word")
    return word


type Title = Annotated[str, AfterValidator(_within(120))]
type Line = Annotated[str, AfterValidator(_within(300))]
type Message = Annotated[str, AfterValidator(_within(600))]
type Text = Annotated[str, AfterValidator(_within(2000))]
type Hashtag = Annotated[str, AfterValidator(_one_word)]


class _Output(BaseModel):
    model_config = ConfigDict(frozen=True)


class Several[T](_Output):
    """As many as were asked for; see `several`."""

    items: list[T]


@cache
def several[T: BaseModel](item: type[T], count: int) -> type[Several[T]]:
    """The shape of exactly ``count`` items, which the schema says, too."""
    return create_model(
        f"{item.__name__}s{count}",
        __base__=Several[item],  # type: ignore[valid-type]
        items=(list[item], Field(min_length=count, max_length=count)),  # type: ignore[valid-type]
    )


class Idea(_Output):
    """One idea of content."""

    title: Title
    description: Text
    kind: Literal["text", "photo", "video", "audio"]
    platform: Title
    search_words: Annotated[list[Title], Field(max_length=5)]


class Caption(_Output):
    """One caption."""

    text: Message


class Tag(_Output):
    """One hashtag, without its sign."""

    word: Hashtag


class Post(_Output):
    """What stands beside one item."""

    caption: Message
    hashtags: Annotated[list[Hashtag], Field(min_length=3, max_length=8)]


class Optimization(_Output):
    """A better version of one text."""

    text: Text
    reasons: Annotated[list[Line], Field(max_length=3)]


class CampaignPlan(_Output):
    """What a campaign is about."""

    name: Title
    purpose: Line
    tone: Title
    desired_reaction: Line
    variants: Annotated[int, Field(ge=2, le=4)]
    difference: Line
    leave_out: Line
    risks: Annotated[list[Line], Field(max_length=5)]
    success: Line


class Variant(_Output):
    """One text of a campaign."""

    text: Message


@cache
def variants_of(segments: int, count: int) -> type[BaseModel]:
    """The shape of some variants for each of some segments: fields ``segment_1`` and so on."""
    each = several(Variant, count)
    fields = {f"segment_{number}": (each, ...) for number in range(1, segments + 1)}
    return create_model(  # type: ignore[call-overload, no-any-return]
        f"Variants{count}Of{segments}", __base__=_Output, **fields
    )


class AudienceField(StrEnum):
    """By what an audience may be proposed; nothing that is guessed about a person is among it."""

    STATUS = "status"
    TIER = "tier"
    LANGUAGE = "language"
    TAG = "tag"
    SUBSCRIPTION = "subscription"
    SPENT_CENTS = "spent_cents"
    SPENT_CENTS_IN_30_DAYS = "spent_cents_in_30_days"
    SUBSCRIBED = "subscribed"
    LAST_SEEN = "last_seen"
    LAST_PURCHASE = "last_purchase"
    LAST_WROTE = "last_wrote"
    LAST_WRITTEN_TO = "last_written_to"


class AudienceOperator(StrEnum):
    """How a field compares with a value."""

    IS = "is"
    IS_NOT = "is_not"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    WITHIN_DAYS = "within_days"
    LONGER_AGO_THAN_DAYS = "longer_ago_than_days"


class Rule(_Output):
    """One condition of an audience."""

    field: AudienceField
    operator: AudienceOperator
    value: Title


class Audience(_Output):
    """Whom a campaign could go to."""

    name: Title
    reason: Line
    rules: Annotated[list[Rule], Field(min_length=1, max_length=6)]


class Audiences(_Output):
    """Proposals of audiences."""

    items: Annotated[list[Audience], Field(max_length=3)]


class Sentiment(StrEnum):
    """How a message feels."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    MIXED = "mixed"


class Intent(StrEnum):
    """What a fan wants."""

    GREETING = "greeting"
    SMALL_TALK = "small_talk"
    COMPLIMENT = "compliment"
    QUESTION = "question"
    REQUEST_FOR_CONTENT = "request_for_content"
    REQUEST_ABOUT_PRICE = "request_about_price"
    COMPLAINT = "complaint"
    REFUND = "refund"
    GOODBYE = "goodbye"
    BOUNDARY = "boundary"
    HARASSMENT = "harassment"
    DISTRESS = "distress"
    OFF_PLATFORM = "off_platform"
    AGE_CONCERN = "age_concern"
    OTHER = "other"


class Topic(StrEnum):
    """What a machine does not answer."""

    MINORS_AGE = "minors_age"
    SELF_HARM = "self_harm"
    THREAT = "threat"
    LEGAL = "legal"
    PAYMENT_DISPUTE = "payment_dispute"
    MEETING = "meeting"
    DOXXING = "doxxing"
    OFF_PLATFORM = "off_platform"
    FORBIDDEN_TOPIC = "forbidden_topic"
    INJECTION = "injection"


class Fact(_Output):
    """What a fan has said of themselves, and with which message."""

    name: Hashtag
    text: Line
    message: int


class Analysis(_Output):
    """What a fan's last message says, and what is to be remembered."""

    sentiment: Sentiment
    intent: Intent
    urgency: Annotated[int, Field(ge=1, le=5)]
    language: Title
    needs_person: bool
    topics: Annotated[list[Topic], Field(max_length=10)]
    summary: Line
    memory: Annotated[str, AfterValidator(_at_most(1000))]
    facts: Annotated[list[Fact], Field(max_length=5)]


class Reply(_Output):
    """A draft of an answer, and how sure its writer is."""

    text: Message
    confidence: Annotated[int, Field(ge=0, le=100)]


class Replies(_Output):
    """Drafts of an answer."""

    needs_person: bool
    why: Line
    drafts: Annotated[list[Reply], Field(max_length=3)]


class Style(_Output):
    """How a creator writes."""

    description: Text
    examples: Annotated[list[Line], Field(max_length=6)]
    avoids: Annotated[list[Line], Field(max_length=10)]


class Insight(_Output):
    """One statement, and the figures that it rests on."""

    title: Title
    text: Message
    figures: Annotated[list[Title], Field(min_length=1, max_length=8)]
    importance: Literal["high", "medium", "low"]


class Insights(_Output):
    """What is remarkable, the most important first."""

    items: Annotated[list[Insight], Field(max_length=5)]


class Recommendation(_Output):
    """One thing to try, and the figures that speak for it."""

    title: Title
    text: Message
    expected: Line
    figures: Annotated[list[Title], Field(min_length=1, max_length=8)]
    effort: Literal["small", "medium", "large"]
    effect_within: Line


class Recommendations(_Output):
    """What to try."""

    items: Annotated[list[Recommendation], Field(max_length=5)]


class Cited(_Output):
    """An answer to a question, and the figures that it rests on."""

    text: Text
    figures: Annotated[list[Title], Field(max_length=12)]
    missing: Line | None


class Personalised(_Output):
    """A message for one fan."""

    text: Text


class Judgement(_Output):
    """What the second check says of one text."""

    allowed: bool
    reason: Line


@cache
def judgements(count: int) -> type[BaseModel]:
    """The shape of a judgement of each text: fields ``text_1`` to ``text_{count}``.

    Names instead of places: no judgement can slip to the neighbour's text.
    """
    fields = {f"text_{number}": (Judgement, ...) for number in range(1, count + 1)}
    return create_model(f"Judgements{count}", __base__=_Output, **fields)  # type: ignore[call-overload, no-any-return]
