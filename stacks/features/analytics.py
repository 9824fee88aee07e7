"""What happened to fans, money and messages, in figures."""

from stacks.feature_parts import FeatureParts


def add_analytics(parts: FeatureParts) -> None:
    """Define the function behind ``/api/analytics``."""
    analytics = parts.function("Analytics", "analytics")
    parts.routes.serve(analytics, ["/api/analytics/{proxy+}", "/api/onlyfans/earnings"])
