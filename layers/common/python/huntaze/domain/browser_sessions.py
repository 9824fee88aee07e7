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
        sealed = crypto.Envelope(item["sealed_key"]["B"], item["sealed"]["B"])
        state: dict[str, Any] = json.loads(
            crypto.unseal(
                sealed, key_arn=self._key_arn, workspace_id=workspace_id, creator_id=creator_id
            )
        )
        return state

    def save(self, workspace_id: UUID, creator_id: UUID, state: dict[str, Any]) -> None:
        """Replace a creator's storage state."""
        envelope = crypto.seal(
            json.dumps(state).encode(),
            key_arn=self._key_arn,
            workspace_id=workspace_id,
            creator_id=creator_id,
        )
        clients.dynamodb().put_item(
            TableName=self._table,
            Item={
                "creator_id": {"S": str(creator_id)},
                "workspace_id": {"S": str(workspace_id)},
                "sealed_key": {"B": envelope.sealed_key},
                "sealed": {"B": envelope.sealed},
                "updated_at": {"S": datetime.now(UTC).isoformat()},
            },
        )

    def forget(self, creator_id: UUID) -> None:
        """Delete a creator's session."""
        clients.dynamodb().delete_item(
            TableName=self._table, Key={"creator_id": {"S": str(creator_id)}}
        )
