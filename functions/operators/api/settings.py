"""Settings of operators' routes."""

from huntaze.settings import Settings


class OperatorsSettings(Settings):
    """What they look at besides the database and the flags."""

    circuit_breakers_table: str
