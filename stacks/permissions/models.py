"""What functions may do with models and with what those cost: more sentences of `permissions`."""

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns

from stacks.data import Data
from stacks.permissions.grants import allow
from stacks.settings import StageSettings


def ask_models(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Ask models with the stage's keys, share their breakers, and keep sealed answers."""
    breakers, answers = data.tables["circuit-breakers"], data.tables["ai-cache"]
    for name, value in (
        ("AI_KEYS_SECRET_ARN", data.ai_keys.arn),
        ("CIRCUIT_BREAKERS_TABLE", breakers.table_name),
        ("AI_CACHE_TABLE", answers.table_name),
        *settings.model_providers.environment,
    ):
        function.add_environment(name, value)
    data.ai_keys.grant_value(function)
    tables = [breakers.table_arn, answers.table_arn]
    allow(function, ["dynamodb:GetItem", "dynamodb:PutItem"], tables)


def watch_models(function: lambda_.Function, data: Data) -> None:
    """Look at the breakers of all models."""
    table = data.tables["circuit-breakers"]
    function.add_environment("CIRCUIT_BREAKERS_TABLE", table.table_name)
    allow(function, ["dynamodb:Scan"], [table.table_arn])


def store_ai_costs(function: lambda_.Function, data: Data) -> None:
    """Put the cost rows of models."""
    table = data.tables["ai-costs"]
    function.add_environment("AI_COSTS_TABLE", table.table_name)
    allow(function, ["dynamodb:BatchWriteItem"], [table.table_arn])


def seal_slack_channels(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Seal the addresses of workspaces' channels of Slack, and open none."""
    _know_slack(function, settings, data)
    key = data.keys["sessions"].key_arn
    allow(function, ["kms:GenerateDataKey"], [key], _of_slack(settings))


def post_to_slack(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Open the addresses of workspaces' channels of Slack, and nothing else under the same key."""
    _know_slack(function, settings, data)
    allow(function, ["kms:Decrypt"], [data.keys["sessions"].key_arn], _of_slack(settings))


def tell_of_budgets(function: lambda_.Function, topic: sns.Topic) -> None:
    """Publish to those who hear of budgets."""
    function.add_environment("COST_ALERTS_TOPIC_ARN", topic.topic_arn)
    allow(function, ["sns:Publish"], [topic.topic_arn])


def _know_slack(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    function.add_environment("SESSIONS_KEY_ARN", data.keys["sessions"].key_arn)
    if settings.slack_hooks_origin is not None:
        function.add_environment("SLACK_HOOKS_ORIGIN", settings.slack_hooks_origin)


def _of_slack(settings: StageSettings) -> dict[str, dict[str, str]] | None:
    """The condition that an envelope is one of these; browsers of creators have the same key.

    The stand-in for AWS checks the owner when it opens an envelope, not in a policy.
    """
    if not settings.on_aws:
        return None
    return {"StringEquals": {"kms:EncryptionContext:kind": "slack_webhook"}}
