"""Content: what a creator can send."""
