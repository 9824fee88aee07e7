"""The worker that sends messages and reads pages through a browser, one lane per creator."""
