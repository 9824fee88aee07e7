"""Connections of creators to their platforms."""

from stacks import permissions
from stacks.feature_parts import FeatureParts


def add_platforms(parts: FeatureParts) -> None:
    """Define the function behind the connection routes of ``/api/of``."""
    platforms = parts.function("Platforms", "platforms")
    permissions.write_creator_credentials(platforms, parts.data)
    permissions.write_browser_sessions(platforms, parts.data)
    permissions.wake_lanes(platforms, parts.messaging)
    # Whatever no other feature has a route of its own for.
    parts.routes.serve(platforms, ["/api/of/{proxy+}"])
