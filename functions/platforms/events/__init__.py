"""The consumer of what platforms push."""
