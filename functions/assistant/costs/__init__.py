"""What models have cost a workspace, what they will, and how much they may."""
