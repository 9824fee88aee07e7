"""How a creator wants to sound: the part of a prompt that differs from creator to creator."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Language(StrEnum):
    """The languages that agents write."""

    EN = "en"
    FR = "fr"


class CustomWords(BaseModel):
    """What the creator wants said word by word."""

    model_config = ConfigDict(frozen=True)

    when: str
    reply: str


class LearnedStyle(BaseModel):
    """How a creator writes, counted from what they wrote; nothing in it is about one fan.

    Args:
        length: Of a usual message.
        emoji: How often there are any.
        favourite_emoji: Those that are used most.
        questions: How often a message asks.
        exclamations: How often it exclaims.
        begins_small: How often it begins with a small letter.
        address: How French addresses the fan.
        openings: Usual first words.
        phrases: Usual sentences.
        offers: What of an offer made a difference.
    """

    model_config = ConfigDict(frozen=True)

    length: str
    emoji: str
    favourite_emoji: tuple[str, ...] = ()
    questions: str
    exclamations: str
    begins_small: str
    address: str | None = None
    openings: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    offers: str | None = None


class Voice(BaseModel):
    """A creator, as agents know them.

    Args:
        language: Of everything that is written.
        platform: Whose rules apply.
        style: The tone, one of those that the language's part of a prompt explains.
        personality: In the creator's own words.
        niche: What the creator is about.
        custom_words: What is said word by word.
        forbidden_topics: What is not spoken of.
        disclosure: How the creator says that AI helps; None: not at all.
        learned_style: How the creator's own messages are written, in the version in use.
    """

    model_config = ConfigDict(frozen=True)

    language: Language = Language.EN
    platform: str
    style: str = "friendly"
    personality: str | None = None
    niche: str | None = None
    custom_words: tuple[CustomWords, ...] = ()
    forbidden_topics: tuple[str, ...] = ()
    disclosure: str | None = None
    learned_style: LearnedStyle | None = None
