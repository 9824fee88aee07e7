"""The description of the API."""

from stacks.build import ROOT
from stacks.feature_function import FeatureFunction
from stacks.feature_parts import FeatureParts

_ROUTES = ("/api/docs", "/api/openapi.json", "/api/health")


def add_docs(parts: FeatureParts) -> None:
    """Define the function that describes the API; it knows no database."""
    docs = FeatureFunction(
        parts.scope,
        "Docs",
        settings=parts.settings,
        layers=parts.layers,
        handler="functions.docs.handler.handler",
        extra_files=[ROOT / "docs" / "openapi.json"],
        memory_mb=256,
    )
    parts.routes.serve(docs, _ROUTES, method="GET", public=True)
