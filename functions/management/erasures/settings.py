"""Settings of the runs that erase."""

from huntaze.settings import Settings


class ErasureSettings(Settings):
    """The stores beside the database in which something of a workspace may lie."""

    imports_bucket: str
    exports_bucket: str
    uploads_bucket: str
    media_bucket: str
    screenshots_bucket: str
    of_sessions_table: str
    ai_costs_table: str
    connections_table: str
    credentials_prefix: str
