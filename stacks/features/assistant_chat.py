"""The assistant that answers questions about the business."""

from stacks.feature_parts import FeatureParts, below
from stacks.permissions.models import ask_models


def add_assistant_chat(parts: FeatureParts) -> None:
    """Define the function behind ``/api/ai/chat``."""
    chat = parts.function("AssistantChat", "assistant.chat", heavy_packages=["openai"])
    ask_models(chat, parts.settings, parts.data)
    parts.routes.serve(chat, below("/api/ai/chat"))
