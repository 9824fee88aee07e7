"""Creators, members and settings of a workspace."""

from stacks import permissions
from stacks.feature_parts import FeatureParts


def add_management(parts: FeatureParts) -> None:
    """Define the function behind ``/api/management``."""
    management = parts.function("Management", "management")
    if parts.settings.lane_limits is not None:
        management.add_environment("LANE_LIMITS", parts.settings.lane_limits)
    permissions.nudge_outbox(management, parts.outbox_relay)
    permissions.queue_mails(management, parts.messaging)
    parts.routes.serve(management, ["/api/management/{proxy+}"])
