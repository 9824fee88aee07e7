"""The keys in Secrets Manager: one secret for who signs, one for those who check."""

from huntaze import clients
from huntaze.token_keys import PublicKeys, SigningKeys


class SecretKeys:
    """The two secrets.

    Args:
        signing_arn: Holds the private keys.
        public_arn: Holds the public ones.
    """

    def __init__(self, signing_arn: str, public_arn: str) -> None:
        self._signing_arn = signing_arn
        self._public_arn = public_arn

    def read(self) -> SigningKeys | None:
        """The private keys; None before the first were made."""
        # A secret is made at deploy, with something random in it but no key.
        value = clients.secret_json(self._signing_arn)
        return SigningKeys.model_validate(value) if "current" in value else None

    def publish(self, keys: PublicKeys) -> None:
        """Replace what those who check believe."""
        self._put(self._public_arn, keys.model_dump_json())

    def store(self, keys: SigningKeys) -> None:
        """Replace what the signer signs with."""
        self._put(self._signing_arn, keys.model_dump_json())

    def _put(self, arn: str, text: str) -> None:
        clients.secrets().put_secret_value(SecretId=arn, SecretString=text)
