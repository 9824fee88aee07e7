"""The sweeper that moves campaigns on when a step was lost."""
