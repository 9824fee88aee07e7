"""How the assistant writes for each creator."""

from stacks.feature_parts import FeatureParts


def add_assistant_config(parts: FeatureParts) -> None:
    """Define the function behind ``/api/ai/config``."""
    config = parts.function("AssistantConfig", "assistant.config")
    parts.routes.serve(config, ["/api/ai/config"])
