"""Settings of the fan-out."""

from huntaze.settings import Settings


class FanoutSettings(Settings):
    """Where connections are managed, and the queue of what is told."""

    sockets_endpoint: str
    realtime_queue_url: str
