"""The routes that members call."""
