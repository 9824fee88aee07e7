"""Settings of the relay."""

from huntaze.settings import Settings


class RelaySettings(Settings):
    """Where events go."""

    event_bus_name: str
