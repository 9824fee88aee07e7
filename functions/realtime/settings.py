"""Settings of every part of what is told live; each door has its own beside."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from huntaze.settings import Settings


def _parts(text: Any) -> list[str]:  # noqa: ANN401 - an environment variable is text
    return [part.strip() for part in str(text).split(",") if part.strip()]


# Origins of our own pages.
Origins = Annotated[frozenset[str], BeforeValidator(_parts)]


class ConnectionSettings(Settings):
    """Where tickets and connections are kept."""

    connections_table: str
