"""What the clock does: plans that run out, use that is reported, events that were lost."""
