"""The steps of the state machine of pipelines."""
