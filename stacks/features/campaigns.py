"""The routes of campaigns; their workflow is a stack of its own."""

from stacks import permissions
from stacks.feature_parts import FeatureParts, below


def add_campaigns(parts: FeatureParts) -> None:
    """Define the function behind ``/api/marketing/campaigns`` and ``/api/v2/campaigns``."""
    campaigns = parts.function("Campaigns", "campaigns.api")
    permissions.read_flags(campaigns, parts.data)
    permissions.start_campaigns(campaigns, parts.settings)
    permissions.start_hybrids(campaigns, parts.settings)
    permissions.stop_campaigns(campaigns, parts.settings)
    permissions.wake_lanes(campaigns, parts.messaging)
    permissions.nudge_outbox(campaigns, parts.outbox_relay)
    parts.routes.serve(campaigns, below("/api/marketing/campaigns", "/api/of/campaigns"))
    parts.routes.serve(campaigns, ["/api/v2/campaigns/{proxy+}"])
