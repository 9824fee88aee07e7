"""Site profiles: what one platform's pages look like, as data that a person can repair."""

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, quote, urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from browser_worker.trouble import SIGNED_TROUBLES

PROFILES = Path(__file__).with_name("profiles")

URL = re.compile(r"(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE)
TRAILING_SLASH = re.compile(r"(?<=\S)/+(?=\s|$)")
EMOJI = re.compile("[\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u2bff\U0001f000-\U0001faff]")
# Variation selectors, the joiner, skin tones, keycaps and flag tags change no meaning that a
# read-back could rest on, and platforms add and drop them freely.
EMOJI_MODIFIERS = re.compile(
    "[\ufe00-\ufe0f\u200b-\u200d\u2060\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)


class ProfileError(ValueError):
    """The profile does not exist or does not hold together."""


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


Selector = Annotated[str, Field(min_length=1)]
Expression = Annotated[str, AfterValidator(_expression)]
Seconds = Annotated[float, Field(gt=0, le=600)]


class Part(BaseModel):
    """A piece of a profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Located(Part):
    """Where on a page a value stands."""

    selector: Selector | None = Field(
        default=None, description="none is the surrounding element itself"
    )
    attribute: str | None = Field(default=None, description="none is the text of the element")
    pattern: Expression | None = Field(default=None, description="its first group is the value")


class Sign(Part):
    """How a trouble shows; all conditions that are given must hold."""

    trouble: str
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    url: Expression | None = None
    selector: Selector | None = None
    text: Expression | None = None

    @model_validator(mode="after")
    def _is_a_sign(self) -> Self:
        if self.trouble not in SIGNED_TROUBLES:
            known = ", ".join(SIGNED_TROUBLES)
            raise ValueError(f"{self.trouble!r} is no trouble that a page shows ({known})")
        if self.status is None and self.url is None and self.selector is None:
            raise ValueError("a sign needs a status, a url or a selector")
        # A fan may write any word into a chat: words count only in an element of the site's own.
        if self.text is not None and self.selector is None:
            raise ValueError("a text counts only within a selector")
        return self


class LoginStep(Part):
    """One thing to do on the login page."""

    action: Literal["fill", "click"]
    selector: Selector
    value: Literal["username", "password"] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.action == "fill") != (self.value is not None):
            raise ValueError("a fill names its value, a click has none")
        return self


class Login(Part):
    """How a creator logs in, and how a page shows that they are."""

    path: str
    steps: tuple[LoginStep, ...]
    signed_in: Selector
    refused: Selector
    code_asked: Selector
    code_field: Selector
    code_submit: Selector
    account: Located | None = Field(default=None, description="who is logged in")


class MessageParts(Part):
    """How one message in a chat is built."""

    row: Selector
    id: Located
    own: Selector = Field(description="matches the row of a message of the creator's own")
    pending: Selector | None = Field(default=None, description="matches a row not yet accepted")
    text: Selector
    price: Located | None = None
    media: Located | None = None
    at: Located | None = None
    paid: Located | None = Field(
        default=None, description="there once a fan has unlocked it; its value is when, if shown"
    )
    opened: Located | None = Field(
        default=None, description="there once the fan has seen it; its value is when, if shown"
    )
    tip: Located | None = Field(default=None, description="the amount of a tip that is a message")


class PriceField(Part):
    """How a message gets a price, in units of the currency."""

    open: Selector | None = None
    field: Selector
    confirm: Selector | None = None


class MediaPicker(Part):
    """How media of the vault are attached."""

    open: Selector | None = None
    item: Selector = Field(description="has {id} in the place of the medium's id")
    chosen: Located = Field(description="each medium that is attached")
    confirm: Selector | None = None

    @model_validator(mode="after")
    def _names_the_medium(self) -> Self:
        if "{id}" not in self.item:
            raise ValueError("the item needs {id} in it")
        return self


class Composer(Part):
    """Where a message is written and sent."""

    text: Selector
    send: Selector
    price: PriceField | None = None
    media: MediaPicker | None = None


class Unsend(Part):
    """How a message is taken back."""

    button: Selector = Field(description="within the row of the message")
    confirm: Selector | None = None


class Earlier(Part):
    """How a page adds messages from before to those that it shows."""

    scroll: Selector = Field(description="what is scrolled to its top")
    within_seconds: Annotated[float, Field(gt=0, le=30)] = Field(
        default=3, description="if nothing is added in this time, nothing came before"
    )


class Chat(Part):
    """The page of one thread."""

    path: str = Field(description="has {fan_id} in it")
    fan_id: Located | None = None
    fan_handle: Located | None = None
    list: Selector
    empty: Selector = Field(description="shows that the thread holds no message at all")
    older: Selector | None = Field(
        default=None, description="leads to older messages, if there are any"
    )
    earlier: Earlier | None = Field(
        default=None, description="where no link leads there, and the page grows when scrolled"
    )
    message: MessageParts
    composer: Composer
    unsend: Unsend | None = None

    @model_validator(mode="after")
    def _can_tell_fans_apart(self) -> Self:
        if "{fan_id}" not in self.path:
            raise ValueError("the path of a chat needs {fan_id} in it")
        if self.fan_id is None and self.fan_handle is None:
            raise ValueError("a chat must show the fan's id or handle, else nobody can tell whose")
        if self.older is not None and self.earlier is not None:
            raise ValueError("older messages come by a link or by scrolling, not by both")
        return self


class Listing(Part):
    """A page that lists something."""

    path: str
    list: Selector
    row: Selector
    fields: dict[str, Located]
    next: Selector | None = Field(default=None, description="a link to the next page")


class Listings(Part):
    """The pages that a sync reads."""

    subscribers: Listing
    threads: Listing
    earnings: Listing


class Reading(Part):
    """How far back threads are read."""

    first_messages: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=200, description="of a thread that was never read, so many of the newest"
    )


class Limits(Part):
    """How fast one creator may write, unless the operator sets less or more."""

    messages_per_minute: Annotated[int, Field(ge=1, le=6000)] = 10
    min_gap_seconds: Annotated[float, Field(ge=0, le=60)] = 3


class LinkWrapper(Part):
    """A redirect that the platform puts around links."""

    path: Expression
    parameter: str


class TextRules(Part):
    """What the platform may do to a text, so that a read-back sees past it."""

    collapse_white_space: bool = True
    emoji: Literal["keep", "strip"] = "strip"
    links: Literal["keep", "bare"] = "bare"
    link_wrappers: tuple[LinkWrapper, ...] = ()


class SiteProfile(Part):
    """All that the worker knows of one platform."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    verified: bool
    note: str
    base_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")]
    allows_ai_auto_send: bool = False
    pushes_events: bool = Field(default=False, description="calls a webhook of ours")
    limits: Limits = Limits()
    reading: Reading = Reading()
    submit_deadline_seconds: Seconds = Field(description="T1: no click later than this")
    longest_click_seconds: Seconds = Field(description="from the click to the request's end")
    acceptance_within_seconds: Seconds = Field(description="T2: accepted by then, or never")
    rate_page_pause_seconds: Seconds = Field(default=60, description="silence after a rate page")
    navigation_seconds: Seconds = 15
    settle_seconds: Seconds = Field(
        default=5, description="how long the parts of a page take to appear"
    )
    login: Login
    chat: Chat
    listings: Listings
    signs: tuple[Sign, ...]
    texts: TextRules = TextRules()

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        earliest = self.submit_deadline_seconds + self.longest_click_seconds
        if self.acceptance_within_seconds <= earliest:
            raise ValueError(
                "acceptance_within_seconds must exceed submit_deadline_seconds plus"
                f" longest_click_seconds ({earliest:g} s)"
            )
        return self

    def thread_url(self, fan_platform_id: str) -> str:
        """Return the address of the chat with a fan."""
        return self.base_url + self.chat.path.format(fan_id=quote(fan_platform_id, safe=""))

    def normalise(self, text: str) -> str:
        """Return what is left of ``text`` once all that the platform may rewrite is taken away.

        Two texts are the same message if this is equal; it is never shown or sent.
        """
        text = unicodedata.normalize("NFC", text)
        if self.texts.links == "bare":
            text = URL.sub(lambda match: self._bare_link(match.group()), text)
            text = TRAILING_SLASH.sub("", text)
        text = EMOJI_MODIFIERS.sub("", text)
        if self.texts.emoji == "strip":
            # A text of emoji alone keeps them: else any two of them would be equal.
            stripped = EMOJI.sub("", text)
            text = stripped if stripped.strip() else text
        if self.texts.collapse_white_space:
            text = " ".join(text.split())
        return text.strip()

    def _bare_link(self, link: str) -> str:
        parts = urlsplit(link)
        for wrapper in self.texts.link_wrappers:
            wrapped = parse_qs(parts.query).get(wrapper.parameter)
            if wrapped and re.search(wrapper.path, parts.path):
                return self._bare_link(wrapped[0])
        return re.sub(r"^(?:https?://)?(?:www\.)?", "", link, flags=re.IGNORECASE)


@cache
def load_profile(name: str, *, base_url: str | None = None) -> SiteProfile:
    """Return the profile in ``profiles/NAME.yaml``.

    Args:
        name: The name of the file.
        base_url: Where the platform answers, if not where the profile says.

    Raises:
        ProfileError: There is no such profile, or it does not hold together.
    """
    path = PROFILES / f"{name}.yaml"
    if not re.fullmatch(r"[a-z0-9_]+", name) or not path.is_file():
        known = ", ".join(sorted(file.stem for file in PROFILES.glob("*.yaml")))
        raise ProfileError(f"There is no profile {name!r} (known: {known}).")
    facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    if base_url is not None:
        facts["base_url"] = base_url.rstrip("/")
    try:
        return SiteProfile.model_validate(facts)
    except ValidationError as error:
        raise ProfileError(f"The profile {name!r} does not hold together: {error}") from None
