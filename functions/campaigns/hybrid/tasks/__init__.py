"""The steps of the hybrid state machine."""
