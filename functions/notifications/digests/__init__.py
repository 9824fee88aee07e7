"""The function that sums up what members have not read."""
