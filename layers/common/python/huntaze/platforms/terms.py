"""What a platform's terms leave to us, by platform; what is not known is forbidden."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, TypeAdapter


class Terms(BaseModel):
    """What may be done on one platform.

    Args:
        auto_send: Whether replies by AI may go out without a person's approval, if the owner of
            the workspace wants it. OnlyFans is reported to forbid chats by AI.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    auto_send: bool = False


def terms_of(platform: str) -> Terms:
    """The terms of a platform."""
    return _every().get(platform, Terms())


@cache
def _every() -> Mapping[str, Terms]:
    text = files("huntaze.platforms").joinpath("terms.json").read_bytes()
    return TypeAdapter(dict[str, Terms]).validate_json(text)
