"""The sweep that starts runs and takes their steps."""
