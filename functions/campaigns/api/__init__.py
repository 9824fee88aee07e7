"""The HTTP side of campaigns."""
