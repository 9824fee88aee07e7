"""Door of the WebSocket API: API Gateway asks who may come in, and tells what they say."""

import json
import logging
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.realtime import cursors, service
from functions.realtime.gateway import ApiGatewaySockets, DynamoConnections, DynamoTickets
from functions.realtime.models import Place
from functions.realtime.repository import PostgresJournal
from functions.realtime.service import Desk, Unsent, deliver
from functions.realtime.settings import ConnectionSettings
from functions.realtime.socket.settings import SocketSettings
from huntaze import correlation
from huntaze.db import EVERY_MEMBER, Tenant, database
from huntaze.entry import entry
from huntaze.errors import BadRequestError, HuntazeError
from huntaze.settings import load

# API Gateway bills messages by 32 KB; ours are a hundredth of that.
_LONGEST_MESSAGE = 1000
# In the two hours of a connection: five a minute, where a client pings once in four.
_MOST_MESSAGES = 600
_DONE = {"statusCode": 200}

log = logging.getLogger(__name__)


class Visit:
    """One call about one connection."""

    def __init__(self, event: dict[str, Any]) -> None:
        about = event["requestContext"]
        who = about["authorizer"]
        self.connection_id: str = about["connectionId"]
        self.workspace_id = UUID(who["workspace_id"])
        self.session_id = UUID(who["session_id"])
        self.connections = _connections()
        self.sockets = ApiGatewaySockets(load(SocketSettings).sockets_endpoint)
        self.journal = PostgresJournal(Tenant(database(), self.workspace_id, member=EVERY_MEMBER))

    def say(self, **message: object) -> None:
        """Send the client a message."""
        self.sockets.post(self.connection_id, json.dumps(message, separators=(",", ":")))

    def leave(self) -> None:
        """End the connection."""
        self.connections.remove(self.workspace_id, self.connection_id)
        self.sockets.close(self.connection_id)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the authorizer's question, or what a connection does."""
    if event.get("type") == "REQUEST":
        return _admit(event)
    visit = Visit(event)
    correlation.note(workspace_id=visit.workspace_id)
    match event["requestContext"]["eventType"]:
        case "CONNECT":
            visit.connections.open(visit.workspace_id, visit.connection_id, visit.session_id)
        case "DISCONNECT":
            visit.connections.remove(visit.workspace_id, visit.connection_id)
        case _:
            _hear(visit, event.get("body") or "")
    return _DONE


def _admit(event: dict[str, Any]) -> dict[str, Any]:
    """Let a ticket in, once; whatever else comes is denied."""
    query = event.get("queryStringParameters") or {}
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    ticket = DynamoTickets(load(ConnectionSettings).connections_table).take(query.get("ticket", ""))
    allowed = load(SocketSettings).allowed_origins
    admitted = service.admits(ticket, headers.get("origin"), allowed, datetime.now(UTC))
    log.info("a connection asks to be let in", extra={"admitted": admitted})
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": "execute-api:Invoke",
                "Effect": "Allow" if admitted else "Deny",
                "Resource": event["methodArn"],
            }
        ],
    }
    if ticket is None or not admitted:
        return {"principalId": "nobody", "policyDocument": policy}
    return {
        "principalId": str(ticket.user_id),
        "policyDocument": policy,
        # Comes with everything that the connection does from now on.
        "context": {
            "workspace_id": str(ticket.workspace_id),
            "session_id": str(ticket.session_id),
        },
    }


def _hear(visit: Visit, body: str) -> None:
    """Do what a client says; what it gets wrong, it is told."""
    said = visit.connections.count_message(visit.workspace_id, visit.connection_id)
    if said is None or said > _MOST_MESSAGES:
        # Nobody sends to it any more, or it runs wild: its client is to come back.
        visit.leave()
        return
    try:
        message = _read(body)
        match message.get("action"):
            case "resume":
                _resume(visit, message)
            case "ping":
                _pong(visit)
            case _:
                raise BadRequestError("The actions are resume and ping.")
    except HuntazeError as refusal:
        _tell(visit, refusal)
    except Unsent:
        visit.leave()


def _tell(visit: Visit, refusal: HuntazeError) -> None:
    try:
        visit.say(type="error", error=refusal.code, detail=refusal.detail)
    except Unsent:
        visit.leave()


def _read(body: str) -> dict[str, Any]:
    if len(body) > _LONGEST_MESSAGE:
        raise BadRequestError("Messages have 1,000 characters at most.")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise BadRequestError('Send JSON, such as {"action": "resume", "cursor": "…"}.')
    return message


def _resume(visit: Visit, message: dict[str, Any]) -> None:
    cursor = message.get("cursor")
    if not isinstance(cursor, str):
        raise BadRequestError("Say from which cursor; the ticket came with one.")
    place = cursors.read(cursor)
    visit.journal.require(place)
    if not visit.connections.listen(visit.workspace_id, visit.connection_id, place):
        raise BadRequestError("This connection has resumed already; open another to go back.")
    _deliver(visit, "resumed")
    # What was forgotten while it was read; the client must not believe that it has everything.
    visit.journal.require(place)


def _pong(visit: Visit) -> None:
    if not _deliver(visit, "pong"):
        visit.say(type="pong", cursor=None)


def _deliver(visit: Visit, farewell: str) -> bool:
    """Send a connection what it has not got, and then ``farewell``; False if it does not listen."""
    listener = visit.connections.find(visit.workspace_id, visit.connection_id)
    if listener is None:
        return False

    def last(place: Place | None) -> str:
        return json.dumps(
            {"type": farewell, "cursor": None if place is None else cursors.write(place)}
        )

    desk = Desk(visit.journal, visit.connections, visit.sockets)
    outcome = deliver([listener], desk, farewell=last)
    log.info("a connection was served", extra=dict(outcome))
    return True


def _connections() -> DynamoConnections:
    return DynamoConnections(load(ConnectionSettings).connections_table, lambda: datetime.now(UTC))
