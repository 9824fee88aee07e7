"""The routes of campaigns; their workflow is a stack of its own."""

from stacks.feature_parts import FeatureParts, below
from stacks.permissions import calls, queues, tables
from stacks.step_machine import Machine


def add_campaigns(parts: FeatureParts) -> None:
    """Define the function behind ``/api/marketing/campaigns`` and ``/api/v2/campaigns``."""
    campaigns = parts.function("Campaigns", "campaigns.api")
    tables.read_flags(campaigns, parts.data)
    calls.start_executions(campaigns, parts.settings, Machine.CAMPAIGN)
    calls.start_executions(campaigns, parts.settings, Machine.HYBRID)
    calls.stop_executions(campaigns, parts.settings, Machine.CAMPAIGN)
    queues.wake_lanes(campaigns, parts.messaging)
    calls.nudge_outbox(campaigns, parts.outbox_relay)
    parts.routes.serve(campaigns, below("/api/marketing/campaigns", "/api/of/campaigns"))
    parts.routes.serve(campaigns, ["/api/v2/campaigns/{proxy+}"])
