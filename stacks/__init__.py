"""The infrastructure: one file a stack, plus the constructs they share."""
