"""Forgetting a fan or a workspace: the orders of members, and the runs that carry them out."""
