"""A creator asks about their own business; the answer cites the workspace's figures."""
