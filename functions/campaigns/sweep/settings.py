"""Settings of the campaign sweeper."""

from huntaze.settings import Settings


class CampaignSweepSettings(Settings):
    """Which state machines it moves."""

    campaign_state_machine_arn: str
    hybrid_state_machine_arn: str
