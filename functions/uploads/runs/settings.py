"""Settings of runs."""

from huntaze.settings import Settings


class LibrarySettings(Settings):
    """Where the objects of items are."""

    media_bucket: str
