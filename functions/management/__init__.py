"""A workspace's creators and members."""
