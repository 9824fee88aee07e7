"""Automations: their routes, and the sweep that runs them."""

from aws_cdk import Duration

from stacks.feature_parts import FeatureParts, below, run_every_minute
from stacks.permissions import calls, queues


def add_automations(parts: FeatureParts) -> None:
    """Define the function behind ``/api/marketing/automations``, and the sweep."""
    api = parts.function("Automations", "automations.api")
    parts.routes.serve(api, below("/api/marketing/automations"))
    sweep = parts.function(
        "AutomationSweep", "automations.sweep", memory_mb=256, timeout=Duration.minutes(2)
    )
    queues.wake_lanes(sweep, parts.messaging)
    calls.nudge_outbox(sweep, parts.outbox_relay)
    run_every_minute("AutomationSweepMinute", sweep)
