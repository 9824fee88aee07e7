"""Clients of other services, made on first use and kept for the execution environment."""

# The one module where imports are lazy: importing boto3 costs 200 ms that a route without it
# should not pay.
# ruff: noqa: PLC0415

import json
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient
    from openai import AzureOpenAI, OpenAI
    from stripe import InvalidRequestError, StripeClient


@cache
def _client(service: str, attempts: int = 3) -> Any:  # noqa: ANN401  (callers name the type)
    import boto3
    from botocore.config import Config

    # Short enough that a hanging service becomes an error while the caller still waits.
    config = Config(
        connect_timeout=3,
        read_timeout=25,
        retries={"mode": "standard", "total_max_attempts": attempts},
        # Left alone, S3 signs addresses and forms in a way that newer buckets refuse.
        signature_version="s3v4" if service == "s3" else None,
    )
    return boto3.client(service, config=config)  # type: ignore[call-overload]


def dynamodb() -> "DynamoDBClient":
    """DynamoDB."""
    client: DynamoDBClient = _client("dynamodb")
    return client


def events() -> "EventBridgeClient":
    """EventBridge."""
    client: EventBridgeClient = _client("events")
    return client


def kms() -> "KMSClient":
    """KMS."""
    client: KMSClient = _client("kms")
    return client


def functions() -> "LambdaClient":
    """Lambda."""
    client: LambdaClient = _client("lambda")
    return client


def mail() -> "SESV2Client":
    """SES, called once: a repeated call could be a second mail."""
    client: SESV2Client = _client("sesv2", attempts=1)
    return client


def s3() -> "S3Client":
    """S3."""
    client: S3Client = _client("s3")
    return client


def secrets() -> "SecretsManagerClient":
    """Secrets Manager."""
    client: SecretsManagerClient = _client("secretsmanager")
    return client


def sqs() -> "SQSClient":
    """SQS."""
    client: SQSClient = _client("sqs")
    return client


def step_functions() -> "SFNClient":
    """Step Functions."""
    client: SFNClient = _client("stepfunctions")
    return client


@cache
def sockets(endpoint: str) -> "ApiGatewayManagementApiClient":
    """The connections of a WebSocket API; one that does not take a message holds nobody up.

    Args:
        endpoint: The API's stage, as HTTPS.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=1,
        read_timeout=2,
        # A message that was posted twice would be read twice.
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=32,
    )
    client: ApiGatewayManagementApiClient = boto3.client(
        "apigatewaymanagementapi", endpoint_url=endpoint, config=config
    )
    return client


def sns() -> Any:  # noqa: ANN401  (its one call needs no stubs)
    """SNS."""
    return _client("sns")


def xray() -> Any:  # noqa: ANN401  (its one call needs no stubs)
    """X-Ray."""
    return _client("xray")


def aws_errors() -> tuple[type[Exception], ...]:
    """The exceptions with which the package tells that AWS refuses, or is out of reach."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def secret_json(arn: str) -> dict[str, str]:
    """Read a secret that holds a JSON object."""
    text = secrets().get_secret_value(SecretId=arn)["SecretString"]
    value: dict[str, str] = json.loads(text)
    return value


def stripe_refusal() -> "type[InvalidRequestError]":
    """The exception with which the package tells that Stripe refuses a request."""
    from stripe import InvalidRequestError

    return InvalidRequestError


@cache
def stripe(secret_arn: str, api_base: str) -> "StripeClient":
    """Stripe.

    Args:
        secret_arn: The secret with the key.
        api_base: Where Stripe answers; empty: where the package says.
    """
    from stripe import RequestsClient, StripeClient

    return StripeClient(
        secret_json(secret_arn)["api_key"],
        base_addresses={"api": api_base} if api_base else None,
        # The package repeats with the same idempotency key.
        max_network_retries=2,
        http_client=RequestsClient(timeout=10),
    )


def openai_package() -> "ModuleType":
    """The package itself, for its exceptions and its types."""
    import openai

    return openai


# The router repeats by itself: it knows the deadline, the budget and the other provider.
_NO_REPEATS = 0


@cache
def openai(api_key: str, base_url: str) -> "OpenAI":
    """OpenAI.

    Args:
        api_key: The key.
        base_url: Where it answers; empty: where the package says.
    """
    from openai import OpenAI

    return OpenAI(api_key=api_key, base_url=base_url or None, max_retries=_NO_REPEATS)


@cache
def azure_openai(api_key: str, endpoint: str, api_version: str) -> "AzureOpenAI":
    """Azure OpenAI; the name of a model is the name of its deployment."""
    from openai import AzureOpenAI

    return AzureOpenAI(
        api_key=api_key,
        azure_endpoint=endpoint,
        api_version=api_version,
        max_retries=_NO_REPEATS,
    )
