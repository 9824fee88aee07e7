"""Settings of the campaign steps."""

from huntaze.settings import Settings


class CampaignTasksSettings(Settings):
    """What the steps act on besides the database."""

    lanes_queue_url: str
    outbox_relay_function: str
