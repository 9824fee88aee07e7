"""Settings of uploads."""

from huntaze.settings import Settings


class UploadSettings(Settings):
    """Where browsers put files, and how the work at them is woken."""

    uploads_bucket: str
    enrichment_queue_url: str
