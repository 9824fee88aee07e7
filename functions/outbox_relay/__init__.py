"""The outbox, published: events of committed changes go to EventBridge, at least once."""
