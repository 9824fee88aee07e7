"""Setting up a workspace."""

from stacks.feature_parts import FeatureParts, below
from stacks.permissions import calls, keys, queues


def add_onboarding(parts: FeatureParts) -> None:
    """Define the function behind ``/api/onboarding``."""
    onboarding = parts.function("Onboarding", "onboarding")
    if parts.settings.lane_limits is not None:
        onboarding.add_environment("LANE_LIMITS", parts.settings.lane_limits)
    keys.write_creator_credentials(onboarding, parts.data)
    queues.wake_lanes(onboarding, parts.messaging)
    calls.nudge_outbox(onboarding, parts.outbox_relay)
    parts.routes.serve(onboarding, below("/api/onboarding"))
