"""Settings of content."""

from huntaze.settings import Settings


class DeliverySettings(Settings):
    """Where files are, and who signs for them; without a domain the bucket itself answers."""

    media_bucket: str
    media_domain: str | None = None
    media_key_id: str | None = None
    media_key_secret_arn: str | None = None
