"""What the erasure of a workspace or a creator may delete, unread."""

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from stacks.data import Data
from stacks.permissions.calls import stop_executions
from stacks.permissions.files import ALL_OBJECTS, objects_of
from stacks.permissions.grants import allow
from stacks.settings import StageSettings
from stacks.step_machine import Machine


def erase_stores(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Delete logins, browsers, objects, costs and connections, and stop workflows, unread."""
    table = data.tables["of-sessions"]
    function.add_environment("OF_SESSIONS_TABLE", table.table_name)
    function.add_environment("CREDENTIALS_PREFIX", data.credentials_prefix)
    allow(
        function,
        ["secretsmanager:DeleteSecret"],
        [data.credentials_arn],
        because="one secret for each creator, made at run time",
    )
    allow(function, ["dynamodb:DeleteItem"], [table.table_arn])
    costs, connections = data.tables["ai-costs"], data.tables["connections"]
    function.add_environment("AI_COSTS_TABLE", costs.table_name)
    function.add_environment("CONNECTIONS_TABLE", connections.table_name)
    tables = [costs.table_arn, connections.table_arn]
    allow(function, ["dynamodb:Query", "dynamodb:BatchWriteItem"], tables)
    for name in ("imports", "exports", "uploads", "screenshots"):
        bucket: s3.Bucket = getattr(data, name)
        function.add_environment(f"{name.upper()}_BUCKET", bucket.bucket_name)
        allow(function, ["s3:ListBucket"], [bucket.bucket_arn])
        allow(function, ["s3:DeleteObject"], [objects_of(bucket)], because=ALL_OBJECTS)
    function.add_environment("MEDIA_BUCKET", data.media_bucket.bucket_name)
    allow(function, ["s3:ListBucketVersions"], [data.media_bucket.bucket_arn])
    allow(
        function,
        ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        [objects_of(data.media_bucket)],
        because=ALL_OBJECTS,
    )
    for machine in Machine:
        stop_executions(function, settings, machine)
