"""The key pair of media: made once, its private half never told."""

import json

import boto3
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from moto import mock_aws

from functions.media_keys import service
from functions.media_keys.handler import handler
from huntaze import clients

FIRST = service.make_private_key()
SECOND = service.make_private_key()


class InMemoryKey:
    """A secret that is a variable."""

    def __init__(self):
        self.held = None

    def read(self):
        """What is held."""
        return self.held

    def store(self, private_key):
        """Hold a key."""
        self.held = private_key


@pytest.fixture
def secret(monkeypatch):
    """A secret as the stack makes it, with nothing but something random inside."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients._client.cache_clear()
    with mock_aws():
        made = boto3.client("secretsmanager").create_secret(
            Name="media-key", SecretString=json.dumps({"made_at_deploy": "x"})
        )
        yield made["ARN"]
    clients._client.cache_clear()


def test_what_the_private_half_signs_the_public_half_believes():
    store = InMemoryKey()
    public = load_pem_public_key(service.settle(store).encode())
    private = load_pem_private_key(store.held.encode(), password=None)
    assert private.key_size == 2048
    policy = b'{"Statement":[]}'
    # The one scheme that CloudFront knows for RSA.
    signature = private.sign(policy, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    public.verify(signature, policy, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303


def test_a_repeated_deployment_finds_the_key_of_the_first():
    store = InMemoryKey()
    keys = iter([FIRST, SECOND])
    told = [service.settle(store, make=lambda: next(keys)) for _ in range(3)]
    assert store.held == FIRST
    assert set(told) == {service.public_half(FIRST)}


def test_the_resource_tells_the_public_half_alone(secret, lambda_context):
    request = {"RequestType": "Create", "ResourceProperties": {"SecretArn": secret}}
    answer = handler(request, lambda_context)
    held = boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    private = json.loads(held)["private_key"]
    assert answer["Data"] == {"PublicKey": service.public_half(private)}
    assert "PRIVATE" not in json.dumps(answer)
    again = {**request, "RequestType": "Update", **answer}
    assert handler(again, lambda_context) == answer


def test_deleting_the_resource_leaves_the_key(secret, lambda_context):
    request = {"RequestType": "Create", "ResourceProperties": {"SecretArn": secret}}
    answer = handler(request, lambda_context)
    before = clients.secret_json(secret)
    handler({**request, "RequestType": "Delete", **answer}, lambda_context)
    assert clients.secret_json(secret) == before
