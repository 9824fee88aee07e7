"""Settings of the function that tells of alerts."""

from huntaze.settings import Settings


class AlertsSettings(Settings):
    """Where operators hear of alerts."""

    cost_alerts_topic_arn: str
