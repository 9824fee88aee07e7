"""Settings of the function that works on what fans write."""

from huntaze.settings import Settings


class RepliesSettings(Settings):
    """Where it puts what had to wait."""

    ai_processing_queue_url: str
