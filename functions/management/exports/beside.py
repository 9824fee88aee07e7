"""What an export tells of stores beside the database."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from functions.management.exports.service import Lines
from huntaze import clients
from huntaze.settings import Settings, load


class BesideSettings(Settings):
    """What is looked at beside the database."""

    media_bucket: str
    of_sessions_table: str


def browser_sessions(creators: Iterable[UUID]) -> list[dict[str, Any]]:
    """Tell for which creators a logged-in browser is kept; what it holds opens their accounts."""
    table = load(BesideSettings).of_sessions_table
    found = []
    for creator_id in creators:
        item = (
            clients.dynamodb()
            .get_item(
                TableName=table,
                Key={"creator_id": {"S": str(creator_id)}},
                ProjectionExpression="updated_at",
            )
            .get("Item")
        )
        if item is not None:
            found.append({"creator_id": str(creator_id), "updated_at": item["updated_at"]["S"]})
    return found


class MediaObjects:
    """The names of a workspace's objects in the bucket of media, a page at a time."""

    name = "media_objects"

    def __init__(self, workspace_id: UUID) -> None:
        self._prefix = f"{workspace_id}/"

    def read(self, after: list[str] | None, most: int) -> Lines:
        """Read the names behind one."""
        answer = clients.s3().list_objects_v2(
            Bucket=load(BesideSettings).media_bucket,
            Prefix=self._prefix,
            StartAfter=after[0] if after else self._prefix,
            MaxKeys=min(most, 1000),
        )
        found = answer.get("Contents", [])
        lines = [
            json.dumps(
                {
                    "key": one["Key"],
                    "bytes": one["Size"],
                    "stored_at": one["LastModified"].isoformat(),
                }
            )
            for one in found
        ]
        last = [found[-1]["Key"]] if found else after
        return Lines(lines, last, bool(answer.get("IsTruncated")))
