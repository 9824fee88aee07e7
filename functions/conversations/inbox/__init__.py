"""The inbox: lists of conversations, and where each stands."""
