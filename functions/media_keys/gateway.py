"""The private key in Secrets Manager."""

import json

from huntaze import clients

_FIELD = "private_key"


class SecretKey:
    """One secret with one private key."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def read(self) -> str | None:
        """The private key as PEM; None before it was made."""
        # A secret is made at deploy, with something random in it but no key.
        value = clients.secret_json(self._arn)
        return value.get(_FIELD)

    def store(self, private_key: str) -> None:
        """Keep a private key, as PEM."""
        clients.secrets().put_secret_value(
            SecretId=self._arn, SecretString=json.dumps({_FIELD: private_key})
        )
