"""What lies beside the database: objects, logins of creators, browser sessions, executions."""

import logging
from collections.abc import Iterable
from itertools import batched
from uuid import UUID

from botocore.exceptions import ClientError

from functions.management.erasures.settings import ErasureSettings
from huntaze import clients, flags
from huntaze.settings import load

log = logging.getLogger(__name__)

_MANY = 1000
# As many as DynamoDB deletes at once.
_ITEMS = 25


class AwsStores:
    """The stores of the stage; everything of a workspace lies below a prefix with its id."""

    def disconnect(self, creator_id: UUID) -> None:
        """Forget the login and the browser of a creator; the sealed key goes with what it opens."""
        settings = load(ErasureSettings)
        try:
            clients.secrets().delete_secret(
                SecretId=f"{settings.credentials_prefix}{creator_id}",
                ForceDeleteWithoutRecovery=True,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        clients.dynamodb().delete_item(
            TableName=settings.of_sessions_table, Key={"creator_id": {"S": str(creator_id)}}
        )

    def stop(self, execution: str) -> None:
        """Stop an execution; one that has ended is left alone."""
        try:
            clients.step_functions().stop_execution(
                executionArn=execution, cause="the workspace is erased"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise

    def delete_workspace(self, workspace_id: UUID) -> int:
        """Delete up to a page of each store's objects; return how many there were."""
        settings = load(ErasureSettings)
        plain = [
            (settings.imports_bucket, f"incoming/{workspace_id}/"),
            (settings.imports_bucket, f"accepted/{workspace_id}/"),
            (settings.exports_bucket, f"{workspace_id}/"),
            (settings.uploads_bucket, f"incoming/{workspace_id}/"),
            (settings.screenshots_bucket, f"{workspace_id}/"),
        ]
        found = sum(_delete(bucket, _keys(bucket, prefix)) for bucket, prefix in plain)
        found += _delete_versions(settings.media_bucket, f"{workspace_id}/")
        found += _delete_items(settings.ai_costs_table, ("workspace_id", "call"), workspace_id)
        # Who is connected is sent nothing any more.
        connections = settings.connections_table
        found += _delete_items(connections, ("owner", "connection_id"), workspace_id)
        return found + flags.flags().forget_workspace(workspace_id)

    def import_files(self, workspace_id: UUID) -> list[UUID]:
        """The imports and uploads of which there are files."""
        bucket = load(ErasureSettings).imports_bucket
        keys = [
            key
            for part in ("incoming", "accepted")
            for key in _all_keys(bucket, f"{part}/{workspace_id}/")
        ]
        return [UUID(key.rpartition("/")[2]) for key in keys]

    def delete_import_files(self, workspace_id: UUID, ids: list[UUID]) -> None:
        """Delete files of imports and uploads."""
        keys = [f"{part}/{workspace_id}/{one}" for one in ids for part in ("incoming", "accepted")]
        _delete(load(ErasureSettings).imports_bucket, keys)

    def delete_export(self, workspace_id: UUID, export_id: UUID) -> None:
        """Delete the files of an export."""
        bucket = load(ErasureSettings).exports_bucket
        _delete(bucket, _all_keys(bucket, f"{workspace_id}/{export_id}/"))

    def delete_screenshots(self, workspace_id: UUID, creator_id: UUID) -> None:
        """Delete pictures of a creator's pages."""
        bucket = load(ErasureSettings).screenshots_bucket
        _delete(bucket, _all_keys(bucket, f"{workspace_id}/{creator_id}/"))


def _keys(bucket: str, prefix: str) -> list[str]:
    answer = clients.s3().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=_MANY)
    return [one["Key"] for one in answer.get("Contents", [])]


def _all_keys(bucket: str, prefix: str) -> list[str]:
    pages = clients.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [one["Key"] for page in pages for one in page.get("Contents", [])]


def _delete_versions(bucket: str, prefix: str) -> int:
    """Delete what is there, and what was there and can still be taken back."""
    answer = clients.s3().list_object_versions(Bucket=bucket, Prefix=prefix, MaxKeys=_MANY)
    found = [
        (one["Key"], one["VersionId"])
        for one in (*answer.get("Versions", []), *answer.get("DeleteMarkers", []))
    ]
    return _delete(bucket, [key for key, _ in found], [version for _, version in found])


def _delete_items(table: str, key: tuple[str, str], workspace_id: UUID) -> int:
    """Delete what a table holds of a workspace, by which it is found."""
    partition, sort = key
    answer = clients.dynamodb().query(
        TableName=table,
        KeyConditionExpression="#partition = :whose",
        ExpressionAttributeValues={":whose": {"S": str(workspace_id)}},
        ProjectionExpression="#partition, #sort",
        ExpressionAttributeNames={"#partition": partition, "#sort": sort},
        Limit=_MANY,
    )
    for batch in batched(answer["Items"], _ITEMS, strict=False):
        left = {table: [{"DeleteRequest": {"Key": item}} for item in batch]}
        answered = clients.dynamodb().batch_write_item(RequestItems=left)  # type: ignore[arg-type]
        if answered.get("UnprocessedItems"):
            # The next look finds them again.
            log.info("a table wants to go slower")
    return len(answer["Items"])


def _delete(bucket: str, keys: list[str], versions: Iterable[str] | None = None) -> int:
    objects = [{"Key": key} for key in keys]
    if versions is not None:
        objects = [
            {**one, "VersionId": version} for one, version in zip(objects, versions, strict=True)
        ]
    for batch in batched(objects, _MANY, strict=False):
        answer = clients.s3().delete_objects(
            Bucket=bucket,
            Delete={"Objects": list(batch), "Quiet": True},  # type: ignore[arg-type]
        )
        if errors := answer.get("Errors"):
            # Without the key: it names whose object it is.
            raise OSError(f"{len(errors)} objects were not deleted: {errors[0].get('Code')}")
    return len(objects)
