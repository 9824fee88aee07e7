"""Texts for content, proposed by an agent."""

from stacks.feature_parts import FeatureParts, below
from stacks.model_permissions import ask_models

_GENERATIONS = ("generate", "ideas", "captions", "hashtags")


def add_content_generation(parts: FeatureParts) -> None:
    """Define the function behind the generations and drafts below ``/api/content``."""
    generation = parts.function(
        "ContentGeneration", "content.generation", heavy_packages=["openai"]
    )
    ask_models(generation, parts.settings, parts.data)
    paths = [f"/api/content/{name}" for name in _GENERATIONS]
    parts.routes.serve(generation, [*paths, *below("/api/content/drafts")[1:]])
