"""Everything of a workspace, or of one fan, as files: the orders, and the runs that make them."""
