"""Who reads, replaces, seals and opens what is secret."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from stacks.data import Data
from stacks.generated_secret import GeneratedSecret
from stacks.permissions.grants import allow
from stacks.settings import StageSettings


def seal_platform_webhooks(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Seal the secrets with which platforms sign, and open none."""
    key = data.keys["sessions"].key_arn
    function.add_environment("SESSIONS_KEY_ARN", key)
    allow(function, ["kms:GenerateDataKey"], [key], _of_platform_webhooks(settings))


def verify_platforms(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Open the secrets with which platforms sign, and nothing else under the same key."""
    key = data.keys["sessions"].key_arn
    function.add_environment("SESSIONS_KEY_ARN", key)
    allow(function, ["kms:Decrypt"], [key], _of_platform_webhooks(settings))


def _of_platform_webhooks(settings: StageSettings) -> dict[str, dict[str, str]] | None:
    """The condition that an envelope is one of these; browsers of creators have the same key.

    The stand-in for AWS checks the owner when it opens an envelope, not in a policy.
    """
    if not settings.on_aws:
        return None
    return {"StringEquals": {"kms:EncryptionContext:kind": "platform_webhook"}}


def verify_stripe(function: lambda_.Function, data: Data) -> None:
    """Tell what Stripe has signed from what it has not."""
    function.add_environment("STRIPE_WEBHOOK_SECRET_ARN", data.stripe_webhook.arn)
    data.stripe_webhook.grant_value(function)


def call_stripe(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Ask and order with the key of the stage's Stripe account."""
    function.add_environment("STRIPE_API_SECRET_ARN", data.stripe_api.arn)
    if settings.stripe_api_base is not None:
        function.add_environment("STRIPE_API_BASE", settings.stripe_api_base)
    data.stripe_api.grant_value(function)


def sign_tokens(function: lambda_.Function, data: Data) -> None:
    """Read the private keys of access tokens."""
    function.add_environment("TOKEN_SIGNING_KEYS_SECRET_ARN", data.token_signing_keys.arn)
    data.token_signing_keys.grant_value(function)


def check_tokens(function: lambda_.Function, data: Data) -> None:
    """Read the public keys of access tokens; who only checks can sign nothing."""
    function.add_environment("TOKEN_PUBLIC_KEYS_SECRET_ARN", data.token_public_keys.arn)
    data.token_public_keys.grant_value(function)


def rotate_token_keys(function: lambda_.Function, data: Data) -> None:
    """Read the private keys, and replace both kinds."""
    sign_tokens(function, data)
    function.add_environment("TOKEN_PUBLIC_KEYS_SECRET_ARN", data.token_public_keys.arn)
    secrets = [data.token_signing_keys.arn, data.token_public_keys.arn]
    allow(function, ["secretsmanager:PutSecretValue"], secrets)


def rotate_role_passwords(function: lambda_.Function, secrets: Sequence[GeneratedSecret]) -> None:
    """Read the passwords of the database's roles, and replace them version by version."""
    allow(
        function,
        [
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
        ],
        [secret.arn for secret in secrets],
    )


def write_creator_credentials(function: lambda_.Function, data: Data) -> None:
    """Keep, replace and remove the logins of creators, without reading them."""
    key = data.keys.get("credentials")
    own = "alias/aws/secretsmanager"
    function.add_environment("CREDENTIALS_KEY_ARN", key.key_arn if key else own)
    function.add_environment("CREDENTIALS_PREFIX", data.credentials_prefix)
    allow(
        function,
        [
            "secretsmanager:CreateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:DeleteSecret",
        ],
        [data.credentials_arn],
        because="one secret for each creator, made at run time",
    )
    if key is not None:
        # Secrets Manager asks for both when it stores a value.
        allow(function, ["kms:GenerateDataKey", "kms:Decrypt"], [key.key_arn])


def read_creator_credentials(role: iam.IGrantable, data: Data) -> None:
    """Read the logins of creators, to log in for them."""
    allow(
        role,
        ["secretsmanager:GetSecretValue"],
        [data.credentials_arn],
        because="one secret for each creator, made at run time",
    )
    if key := data.keys.get("credentials"):
        allow(role, ["kms:Decrypt"], [key.key_arn])


def write_browser_sessions(function: lambda_.Function, data: Data) -> None:
    """Seal and store the browser state that a person brought."""
    table, key = data.tables["of-sessions"], data.keys["sessions"]
    function.add_environment("OF_SESSIONS_TABLE", table.table_name)
    function.add_environment("SESSIONS_KEY_ARN", key.key_arn)
    allow(function, ["dynamodb:PutItem", "dynamodb:DeleteItem"], [table.table_arn])
    allow(function, ["kms:GenerateDataKey"], [key.key_arn], data.names_the_owner)


def use_browser_sessions(role: iam.IGrantable, data: Data) -> None:
    """Open, renew and drop the browser states of creators."""
    table, key = data.tables["of-sessions"], data.keys["sessions"]
    allow(
        role,
        ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
        [table.table_arn],
    )
    allow(role, ["kms:GenerateDataKey", "kms:Decrypt"], [key.key_arn], data.names_the_owner)
