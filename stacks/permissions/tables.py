"""What functions may do in the tables of DynamoDB."""

from aws_cdk import aws_lambda as lambda_

from stacks.data import Data
from stacks.permissions.grants import allow


def read_flags(function: lambda_.Function, data: Data) -> None:
    """Look up which workspaces a feature has reached."""
    table = data.tables["feature-flags"]
    function.add_environment("FEATURE_FLAGS_TABLE", table.table_name)
    allow(function, ["dynamodb:GetItem"], [table.table_arn])


def change_flags(function: lambda_.Function, data: Data) -> None:
    """Look up which workspaces a feature has reached, and change it."""
    read_flags(function, data)
    allow(function, ["dynamodb:PutItem"], [data.tables["feature-flags"].table_arn])


def give_tickets(function: lambda_.Function, data: Data) -> None:
    """Keep tickets for connections."""
    table = data.tables["connections"]
    function.add_environment("CONNECTIONS_TABLE", table.table_name)
    allow(function, ["dynamodb:PutItem"], [table.table_arn])


def take_tickets(function: lambda_.Function, data: Data) -> None:
    """Take tickets away, and keep track of the connections that they open."""
    give_tickets(function, data)
    allow(
        function,
        ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"],
        [data.tables["connections"].table_arn],
    )


def find_connections(function: lambda_.Function, data: Data) -> None:
    """Find who listens, keep track of how far each has got, and forget who has gone."""
    table = data.tables["connections"]
    function.add_environment("CONNECTIONS_TABLE", table.table_name)
    allow(
        function,
        ["dynamodb:Query", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        [table.table_arn],
    )
