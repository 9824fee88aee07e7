"""The steps of the campaign state machine."""
