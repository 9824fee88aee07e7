"""When somebody may come to harm: people hear of it at once, and nothing goes out by itself."""

GRAVE = frozenset({"minors_age", "self_harm", "threat", "doxxing"})
"""Topics for which a conversation is handed over to a person."""
