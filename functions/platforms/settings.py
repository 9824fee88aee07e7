"""Settings of platform connections."""

from huntaze.settings import Settings


class PlatformsSettings(Settings):
    """Where credentials and sessions are kept."""

    lanes_queue_url: str
    # Names of credentials start with this; the role may touch no other secret.
    credentials_prefix: str
    credentials_key_arn: str
    of_sessions_table: str
    sessions_key_arn: str
