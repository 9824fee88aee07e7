"""One folder a feature."""
