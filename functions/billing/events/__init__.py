"""The consumer of what the webhook took in."""
