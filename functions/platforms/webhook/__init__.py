"""The route that platforms call."""
