"""Settings of the sweep of lanes."""

from huntaze.settings import Settings


class SweepSettings(Settings):
    """What the sweep does beside waking lanes."""

    # Whether creators are read without anybody asking for it. Where a worker is there only while
    # there is work, it would then always be there.
    periodic_sync: bool = False
