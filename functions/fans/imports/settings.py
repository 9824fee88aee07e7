"""Settings of imports."""

from huntaze.settings import Settings


class ImportsSettings(Settings):
    """Where files are uploaded, and how the runs are woken."""

    imports_bucket: str
    imports_queue_url: str
