"""Setting up a workspace."""

from stacks import permissions
from stacks.feature_parts import FeatureParts, below


def add_onboarding(parts: FeatureParts) -> None:
    """Define the function behind ``/api/onboarding``."""
    onboarding = parts.function("Onboarding", "onboarding")
    if parts.settings.lane_limits is not None:
        onboarding.add_environment("LANE_LIMITS", parts.settings.lane_limits)
    permissions.write_creator_credentials(onboarding, parts.data)
    permissions.wake_lanes(onboarding, parts.messaging)
    permissions.nudge_outbox(onboarding, parts.outbox_relay)
    parts.routes.serve(onboarding, below("/api/onboarding"))
