"""The routes that only operators may call."""
