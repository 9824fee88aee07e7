"""Settings of the function behind the WebSocket API."""

from functions.realtime.settings import Origins
from huntaze.settings import Settings


class SocketSettings(Settings):
    """Whose pages may listen, and where connections are managed."""

    allowed_origins: Origins
    sockets_endpoint: str
