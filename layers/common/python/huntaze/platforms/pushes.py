"""Which platforms call us when something happens; of the others, pages alone tell."""

from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter


def pushes_events(platform: str) -> bool:
    """Tell whether a platform calls a webhook of ours."""
    return platform in _every()


@cache
def _every() -> frozenset[str]:
    text = files("huntaze.platforms").joinpath("pushes.json").read_bytes()
    return TypeAdapter(frozenset[str]).validate_json(text)
