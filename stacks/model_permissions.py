"""What functions may do with models and with what those cost: more sentences of `permissions`."""

from aws_cdk import aws_lambda as lambda_

from stacks.data import Data
from stacks.permissions import allow
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
