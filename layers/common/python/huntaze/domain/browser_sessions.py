"""Logged-in browser sessions at rest: sealed per creator, readable by the worker alone."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from huntaze import clients, crypto


class SessionStore:
    """Storage states of creators in DynamoDB, sealed with a KMS data key each."""

    def __init__(self, table: str, key_arn: str) -> None:
        self._table = table
        self._key_arn = key_arn
        # When what was loaded last had been written, by creator.
        self._seen: dict[UUID, str] = {}

    def load(self, workspace_id: UUID, creator_id: UUID) -> dict[str, Any] | None:
        """Read a creator's storage state, or None before the first login."""
        item = (
            clients.dynamodb()
            .get_item(
                TableName=self._table,
                Key={"creator_id": {"S": str(creator_id)}},
                ConsistentRead=True,
            )
            .get("Item")
        )
        if item is None:
            return None
        self._seen[creator_id] = item["updated_at"]["S"]
        sealed = crypto.Envelope(item["sealed_key"]["B"], item["sealed"]["B"])
        state: dict[str, Any] = json.loads(
            crypto.unseal(
                sealed, key_arn=self._key_arn, workspace_id=workspace_id, creator_id=creator_id
            )
        )
        return state

    def save(self, workspace_id: UUID, creator_id: UUID, state: dict[str, Any]) -> None:
        """Replace a creator's storage state."""
        clients.dynamodb().put_item(
            TableName=self._table, Item=self._item(workspace_id, creator_id, state)
        )

    def renew(self, workspace_id: UUID, creator_id: UUID, state: dict[str, Any]) -> bool:
        """Replace the storage state that this store loaded last.

        Returns:
            False when it was replaced or forgotten meanwhile: a session that a person brought, or
            took away, is not undone by a browser that was still open.
        """
        item = self._item(workspace_id, creator_id, state)
        try:
            clients.dynamodb().put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="updated_at = :seen",
                ExpressionAttributeValues={":seen": {"S": self._seen.get(creator_id, "never")}},
            )
        except clients.dynamodb().exceptions.ConditionalCheckFailedException:
            return False
        self._seen[creator_id] = str(item["updated_at"]["S"])
        return True

    def _item(self, workspace_id: UUID, creator_id: UUID, state: dict[str, Any]) -> dict[str, Any]:
        envelope = crypto.seal(
            json.dumps(state).encode(),
            key_arn=self._key_arn,
            workspace_id=workspace_id,
            creator_id=creator_id,
        )
        return {
            "creator_id": {"S": str(creator_id)},
            "workspace_id": {"S": str(workspace_id)},
            "sealed_key": {"B": envelope.sealed_key},
            "sealed": {"B": envelope.sealed},
            "updated_at": {"S": datetime.now(UTC).isoformat()},
        }

    def forget(self, creator_id: UUID) -> None:
        """Delete a creator's session."""
        clients.dynamodb().delete_item(
            TableName=self._table, Key={"creator_id": {"S": str(creator_id)}}
        )
