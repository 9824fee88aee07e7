"""The daily check of every fan's value."""
