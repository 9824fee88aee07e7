"""The media library."""

from stacks.feature_parts import FeatureParts, below


def add_content(parts: FeatureParts) -> None:
    """Define the function behind ``/api/content``."""
    content = parts.function("Content", "content")
    parts.routes.serve(content, below("/api/content"))
