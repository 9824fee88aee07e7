"""The function behind the WebSocket API: who comes, what they say, and that they left."""
