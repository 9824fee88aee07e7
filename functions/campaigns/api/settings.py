"""Settings of the campaigns API."""

from huntaze.settings import Settings


class CampaignsApiSettings(Settings):
    """What the API acts on besides the database."""

    campaign_state_machine_arn: str
    lanes_queue_url: str
    outbox_relay_function: str
