"""What members are told while it happens: by WebSocket, and by the polling route alike."""
