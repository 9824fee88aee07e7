"""Settings of the routes."""

from functions.realtime.settings import Origins
from huntaze.settings import Settings


class ApiSettings(Settings):
    """Whose pages may listen, and where."""

    allowed_origins: Origins
    realtime_url: str
