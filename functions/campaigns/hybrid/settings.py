"""Settings of the routes of workflows."""

from huntaze.settings import Settings


class HybridApiSettings(Settings):
    """What the routes act on besides the database."""

    hybrid_state_machine_arn: str
