"""The media library."""

from stacks import permissions
from stacks.feature_parts import FeatureParts, below


def add_content(parts: FeatureParts) -> None:
    """Define the function behind ``/api/content``."""
    content = parts.function("Content", "content")
    permissions.show_media(content, parts.data)
    parts.routes.serve(content, below("/api/content"))
