"""Settings of exports."""

from huntaze.settings import Settings


class ExportsSettings(Settings):
    """Where files are kept and sealed with what, and how the runs are woken."""

    exports_bucket: str
    exports_queue_url: str
    # None: S3's own key seals them.
    exports_key_arn: str | None = None
