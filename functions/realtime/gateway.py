"""Connections and tickets in DynamoDB, and the ends of connections at API Gateway."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from functions.realtime.models import Listener, Place, Ticket
from functions.realtime.progress import Later
from functions.realtime.service import HELD_FOR, Hold, Unsent
from huntaze import clients

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import DeleteItemInputTypeDef, PutItemInputTypeDef

# API Gateway ends a connection after two hours.
_CONNECTED_AT_MOST = 2 * 60 * 60 + 600
_REFUSED = "ConditionalCheckFailedException"
_TICKET = "ticket"

type Item = dict[str, Any]


class DynamoTickets:
    """Tickets of the stage: only their hashes are kept, and each is taken once.

    Args:
        table: The name of the table.
    """

    def __init__(self, table: str) -> None:
        self._table = table

    def keep(self, secret: str, ticket: Ticket) -> None:
        """Store a ticket."""
        item: Item = {
            **_ticket_key(secret),
            "workspace_id": {"S": str(ticket.workspace_id)},
            "session_id": {"S": str(ticket.session_id)},
            "user_id": {"S": str(ticket.user_id)},
            "expires_at": {"N": str(int(ticket.expires_at.timestamp()))},
        }
        if ticket.origin is not None:
            item["origin"] = {"S": ticket.origin}
        call: PutItemInputTypeDef = {"TableName": self._table, "Item": item}
        clients.dynamodb().put_item(**call)

    def take(self, secret: str) -> Ticket | None:
        """Take a ticket away; whoever else brings it gets None, as for one that never was."""
        call: DeleteItemInputTypeDef = {
            "TableName": self._table,
            "Key": _ticket_key(secret),
            "ReturnValues": "ALL_OLD",
        }
        item = clients.dynamodb().delete_item(**call).get("Attributes")
        if not item:
            return None
        return Ticket(
            UUID(item["workspace_id"]["S"]),
            UUID(item["session_id"]["S"]),
            UUID(item["user_id"]["S"]),
            item["origin"]["S"] if "origin" in item else None,
            datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC),
        )


class DynamoConnections:
    """The connections of the stage; of each workspace all can be found.

    Args:
        table: The name of the table.
        clock: Tells the time.
    """

    def __init__(self, table: str, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock

    def open(self, workspace_id: UUID, connection_id: str, session_id: UUID) -> None:
        """Note a connection that has not said yet from where it listens."""
        expires = int(self._clock().timestamp()) + _CONNECTED_AT_MOST
        clients.dynamodb().put_item(
            TableName=self._table,
            Item={
                **_key(workspace_id, connection_id),
                "session_id": {"S": str(session_id)},
                "expires_at": {"N": str(expires)},
            },
        )

    def count_message(self, workspace_id: UUID, connection_id: str) -> int | None:
        """Count what a client says; None of a connection that is forgotten."""
        changed = self._change(
            _key(workspace_id, connection_id),
            "ADD #said :one",
            "attribute_exists(#owner)",
            as_={"#said": "said", "#owner": "owner"},
            to={":one": {"N": "1"}},
        )
        return int(changed["said"]["N"]) if changed else None

    def listen(self, workspace_id: UUID, connection_id: str, place: Place) -> bool:
        """Let a connection listen from a place on; False when it does already, or is gone."""
        changed = self._change(
            _key(workspace_id, connection_id),
            "SET #place = :place",
            "attribute_exists(#owner) AND attribute_not_exists(#place)",
            as_={"#place": "place", "#owner": "owner"},
            to={":place": {"N": str(place.position)}},
        )
        return bool(changed)

    def listening(self, workspace_id: UUID) -> list[Listener]:
        """The connections of a workspace that listen."""
        pages = (
            clients.dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self._table,
                KeyConditionExpression="#owner = :owner",
                FilterExpression="attribute_exists(#place)",
                ExpressionAttributeNames={"#owner": "owner", "#place": "place"},
                ExpressionAttributeValues={":owner": {"S": str(workspace_id)}},
                # Who began to listen before this call must be in it.
                ConsistentRead=True,
            )
        )
        return [_listener(workspace_id, item) for page in pages for item in page["Items"]]

    def find(self, workspace_id: UUID, connection_id: str) -> Listener | None:
        """One connection, if it listens."""
        item = self._item(workspace_id, connection_id)
        return _listener(workspace_id, item) if "place" in item else None

    def hold(self, listener: Listener, end: int) -> tuple[Hold, int]:
        """Hold a connection, or leave a note that the journal has reached ``end``."""
        key = _key(listener.workspace_id, listener.connection_id)
        # Whoever holds it may let go between two of our looks.
        while True:
            item = self._change(
                key,
                "SET #held = :until",
                "attribute_exists(#place) AND attribute_not_exists(#held)",
                as_={"#held": "held_until", "#place": "place"},
                to={":until": {"N": _number(self._clock() + HELD_FOR)}},
            )
            if item:
                return Hold.HELD, int(item["place"]["N"])
            item = self._item(listener.workspace_id, listener.connection_id)
            if "place" not in item:
                return Hold.NONE, listener.position
            if "held_until" not in item:
                continue
            if float(item["held_until"]["N"]) < self._clock().timestamp():
                return Hold.BROKEN, listener.position
            if int(item.get("wanted", {"N": "0"})["N"]) >= end or self._note(key, end):
                return Hold.NOTED, listener.position

    def let_go(self, listener: Listener, place: int) -> int | None:
        """Let go of it at ``place``; None if a note says further, where it stays held."""
        if self._change(
            _key(listener.workspace_id, listener.connection_id),
            "SET #place = :place REMOVE #held, #wanted",
            "attribute_exists(#held) AND (attribute_not_exists(#wanted) OR #wanted <= :place)",
            as_={"#held": "held_until", "#place": "place", "#wanted": "wanted"},
            to={":place": {"N": str(place)}},
        ):
            return None
        item = self._item(listener.workspace_id, listener.connection_id)
        # Gone meanwhile, with whatever there was to note.
        return int(item["wanted"]["N"]) if "wanted" in item else None

    def forget(self, listener: Listener) -> None:
        """Forget a connection."""
        self.remove(listener.workspace_id, listener.connection_id)

    def remove(self, workspace_id: UUID, connection_id: str) -> None:
        """Forget a connection by its id."""
        clients.dynamodb().delete_item(TableName=self._table, Key=_key(workspace_id, connection_id))

    def _note(self, key: Item, end: int) -> bool:
        changed = self._change(
            key,
            "SET #wanted = :end",
            "attribute_exists(#held) AND (attribute_not_exists(#wanted) OR #wanted < :end)",
            as_={"#held": "held_until", "#wanted": "wanted"},
            to={":end": {"N": str(end)}},
        )
        return bool(changed)

    def _item(self, workspace_id: UUID, connection_id: str) -> Item:
        answer = clients.dynamodb().get_item(
            TableName=self._table, Key=_key(workspace_id, connection_id), ConsistentRead=True
        )
        return dict(answer.get("Item", {}))

    def _change(self, key: Item, what: str, only_if: str, *, as_: dict[str, str], to: Item) -> Item:
        """Change an item if its condition holds; answer it as it is then, or nothing."""
        try:
            answer = clients.dynamodb().update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=what,
                ConditionExpression=only_if,
                ExpressionAttributeNames=as_,
                ExpressionAttributeValues=to,
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == _REFUSED:
                return {}
            raise
        return dict(answer["Attributes"])


class ApiGatewaySockets:
    """The ends of connections at API Gateway.

    Args:
        endpoint: Where the stage of the WebSocket API is managed.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def post(self, connection_id: str, message: str) -> None:
        """Send a message.

        Raises:
            Unsent: The connection has gone, or does not take it in time.
        """
        try:
            clients.sockets(self._endpoint).post_to_connection(
                ConnectionId=connection_id, Data=message.encode()
            )
        except (BotoCoreError, ClientError) as error:
            raise Unsent(type(error).__name__) from error

    def close(self, connection_id: str) -> None:
        """Close a connection, if it is there."""
        try:
            clients.sockets(self._endpoint).delete_connection(ConnectionId=connection_id)
        except (BotoCoreError, ClientError):
            # It has gone by itself, or will: nobody sends it anything any more.
            return


def queue_later(queue_url: str, messages: Sequence[Later]) -> None:
    """Let messages come out of the queue after a while."""
    for message in messages:
        clients.sqs().send_message(
            QueueUrl=queue_url,
            MessageBody=json.dumps(message.event),
            DelaySeconds=message.delay_seconds,
        )


def _ticket_key(secret: str) -> Item:
    digest = hashlib.sha256(secret.encode(errors="replace")).hexdigest()
    return {"owner": {"S": f"{_TICKET}/{digest}"}, "connection_id": {"S": _TICKET}}


def _key(workspace_id: UUID, connection_id: str) -> Item:
    return {"owner": {"S": str(workspace_id)}, "connection_id": {"S": connection_id}}


def _listener(workspace_id: UUID, item: Item) -> Listener:
    return Listener(
        workspace_id,
        item["connection_id"]["S"],
        UUID(item["session_id"]["S"]),
        int(item["place"]["N"]),
    )


def _number(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"
