"""Settings of the rotation."""

from huntaze.settings import Settings


class TokenKeysSettings(Settings):
    """Where the keys are kept."""

    token_signing_keys_secret_arn: str
    token_public_keys_secret_arn: str
