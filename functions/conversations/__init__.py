"""Messages to and from single fans."""
