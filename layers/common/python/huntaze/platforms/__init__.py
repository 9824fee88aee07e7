"""Fan platforms: what is known about each."""
