"""Setting up a workspace, step by step."""
