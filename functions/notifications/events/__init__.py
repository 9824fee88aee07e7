"""The function that tells members of what happened."""
