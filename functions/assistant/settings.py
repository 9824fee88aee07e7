"""Settings of the functions of this feature."""

from huntaze.settings import Settings


class CostsSettings(Settings):
    """Where cost rows are."""

    ai_costs_table: str
