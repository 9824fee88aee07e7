"""Settings of the steps of workflows."""

from huntaze.settings import Settings


class HybridTasksSettings(Settings):
    """What the steps act on besides the database and models."""

    campaign_state_machine_arn: str
    outbox_relay_function: str
