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
