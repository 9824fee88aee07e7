"""Segments of fans."""

from stacks.feature_parts import FeatureParts, below


def add_segments(parts: FeatureParts) -> None:
    """Define the function behind ``/api/marketing/segments``."""
    segments = parts.function("Segments", "segments")
    parts.routes.serve(segments, below("/api/marketing/segments"))
