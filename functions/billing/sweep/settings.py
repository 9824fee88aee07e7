"""Settings of the sweep."""

from huntaze.settings import Settings


class SweepSettings(Settings):
    """Where work is queued."""

    webhooks_queue_url: str
