"""The routes of campaigns; their workflow is a stack of its own."""

from stacks import permissions
from stacks.feature_parts import FeatureParts, below
from stacks.step_machine import Machine


def add_campaigns(parts: FeatureParts) -> None:
    """Define the function behind ``/api/marketing/campaigns`` and ``/api/v2/campaigns``."""
    campaigns = parts.function("Campaigns", "campaigns.api")
    permissions.read_flags(campaigns, parts.data)
    permissions.start_executions(campaigns, parts.settings, Machine.CAMPAIGN)
    permissions.start_executions(campaigns, parts.settings, Machine.HYBRID)
    permissions.stop_executions(campaigns, parts.settings, Machine.CAMPAIGN)
    permissions.wake_lanes(campaigns, parts.messaging)
    permissions.nudge_outbox(campaigns, parts.outbox_relay)
    parts.routes.serve(campaigns, below("/api/marketing/campaigns", "/api/of/campaigns"))
    parts.routes.serve(campaigns, ["/api/v2/campaigns/{proxy+}"])
