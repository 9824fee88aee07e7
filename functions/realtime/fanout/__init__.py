"""The function that writes events down and sends them to whoever listens."""
