"""Addresses of files: CloudFront's where there is a distribution, otherwise the bucket's own."""

import base64
import json
from datetime import UTC, datetime
from functools import cache
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from functions.content.service import Addresses
from functions.content.settings import DeliverySettings
from huntaze import clients
from huntaze.settings import load

# What a query holds in place of what Base64 uses and addresses do not take.
_FOR_ADDRESSES = bytes.maketrans(b"+=/", b"-_~")


class BucketAddresses:
    """Addresses that S3 checks, for a stage without a distribution."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def sign(self, key: str, expires_at: datetime) -> str:
        """An address of an object that is good until ``expires_at``."""
        left = round((expires_at - datetime.now(UTC)).total_seconds())
        return clients.s3().generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=max(left, 1)
        )


class SignedAddresses:
    """Addresses that CloudFront checks by the public half of our key (a canned policy)."""

    def __init__(self, domain: str, key_id: str, private_key: rsa.RSAPrivateKey) -> None:
        self._domain = domain
        self._key_id = key_id
        self._private_key = private_key

    def sign(self, key: str, expires_at: datetime) -> str:
        """An address of an object that is good until ``expires_at``."""
        address = f"https://{self._domain}/{quote(key)}"
        until = round(expires_at.timestamp())
        # CloudFront makes the very same text from the address, so no space may be in it.
        policy = json.dumps(
            {
                "Statement": [
                    {
                        "Resource": address,
                        "Condition": {"DateLessThan": {"AWS:EpochTime": until}},
                    }
                ]
            },
            separators=(",", ":"),
        )
        # The one digest that CloudFront knows.
        signature = self._private_key.sign(policy.encode(), padding.PKCS1v15(), SHA1())  # noqa: S303
        encoded = base64.b64encode(signature).translate(_FOR_ADDRESSES).decode()
        return f"{address}?Expires={until}&Signature={encoded}&Key-Pair-Id={self._key_id}"


@cache
def addresses() -> Addresses:
    """How this stage tells where files are."""
    settings: DeliverySettings = load(DeliverySettings)
    if not (settings.media_domain and settings.media_key_id and settings.media_key_secret_arn):
        return BucketAddresses(settings.media_bucket)
    pem = clients.secret_json(settings.media_key_secret_arn)["private_key"]
    private_key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(private_key, rsa.RSAPrivateKey):
        raise TypeError("the key that signs for media is no RSA key")
    return SignedAddresses(settings.media_domain, settings.media_key_id, private_key)
