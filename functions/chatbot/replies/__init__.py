"""The function that works on what fans write."""
