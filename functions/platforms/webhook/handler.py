"""The door of platforms that push: verify, write the event down, queue it, answer.

Nothing else is done here. Who may sign is told by the creator's own secret; whoever asks for a
creator that is not there, or without the right signature, gets one and the same refusal.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, TypeGuard
from uuid import UUID

from aws_lambda_powertools.event_handler import Request, Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from huntaze import signatures
from huntaze.db import Transactions, database
from huntaze.domain import pushes
from huntaze.domain.platform_rows import MAX_ID
from huntaze.domain.pushes import TakenPush
from huntaze.errors import BadRequestError
from huntaze.http import create_app, lambda_entry
from huntaze.moments import Moment
from huntaze.platforms.pushes import pushes_events
from huntaze.signatures import NotSignedError

SIGNATURE = "Webhook-Signature"
_LARGEST = 256 * 1024
# So much a platform's clock may be ahead of ours, as with the moment that it signs.
_AHEAD = timedelta(seconds=signatures.TOLERANCE_SECONDS)
_REFUSAL: dict[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}

app = create_app()
log = logging.getLogger(__name__)


class _Event(BaseModel):
    """What every event has."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
    type: str = Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")
    occurred_at: Moment
    data: dict[str, Any]


class Taken(BaseModel):
    """What the platform is told."""

    received: bool = True


class PushDoor(Transactions):
    """Where events are written down."""

    def verify(self, body: bytes, header: str | None, creator_id: UUID, platform: str) -> UUID:
        """Refuse what the creator's secrets have not signed; return whose creator it is.

        Raises:
            NotSignedError: They have not, or there is no such creator.
        """
        with self.transaction() as connection:
            found = pushes.secrets_of(connection, creator_id, platform)
        secrets = found.opened() if found else ()
        signatures.verify(body, header, secrets, now=time.time(), named=SIGNATURE)
        if found is None:
            raise NotSignedError("No signature fits this body; send it as it was signed.")
        return found.workspace_id

    def take(self, creator_id: UUID, event: TakenPush) -> bool:
        """Write an event down, once; whether work on it is still to be done."""
        with self.transaction() as connection:
            return pushes.take(connection, creator_id, event)


@app.post(
    "/api/webhooks/platforms/<name>",
    tags=["platforms"],
    status_code=HTTPStatus.ACCEPTED,
    responses={
        HTTPStatus.ACCEPTED: {"description": "Taken, now or before; worked on from a queue."},
        HTTPStatus.BAD_REQUEST: {
            "description": "Not signed with the creator's secret, not in these minutes, no event.",
            "content": _REFUSAL,
        },
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {
            "description": "Larger than any event.",
            "content": _REFUSAL,
        },
    },
)
def take_platform_event(
    request: Request,
    name: Annotated[str, Path(description="The platform.")],
    connection: Annotated[UUID, Query(description="The creator whose platform calls.")],
) -> Response[Taken]:
    """Take an event of a platform that pushes, signed over the raw body.

    The header `Webhook-Signature` is `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY` with the
    creator's secret. The signature is judged before anything of the body is read; what is stale or
    dated in the future is refused. Known are `message.created`, `.updated` and `.deleted`,
    `subscription.*` and `transaction.*`; others are kept and left alone.
    """
    sent = request.resolved_event.raw_event
    body = signatures.raw_body(sent, most=_LARGEST)
    header = signatures.header_of(sent, SIGNATURE)
    if not pushes_events(name):
        raise NotSignedError("No signature fits this body; send it as it was signed.")
    door = PushDoor(database())
    workspace_id = door.verify(body, header, connection, name)
    event = _event(body, now=datetime.now(UTC))
    if door.take(connection, event):
        # Told to the queue until somebody has worked on it: a queue that failed once loses nothing.
        pushes.queue(workspace_id, connection, event.id)
    log.info("a platform's event was taken in", extra={"event_type": event.kind})
    return Response(HTTPStatus.ACCEPTED, content_type="application/json", body=Taken())


def _event(body: bytes, *, now: datetime) -> TakenPush:
    try:
        found = _Event.model_validate_json(body)
    except ValidationError:
        raise BadRequestError("The body is no event.") from None
    fan = found.data.get("fan")
    named = fan.get("id") if isinstance(fan, dict) else None
    return TakenPush(
        id=found.id,
        kind=found.type,
        # What is dated in a year to come would keep out everything that is told until then.
        occurred_at=min(found.occurred_at, now + _AHEAD),
        body=body.decode(),
        fan_platform_id=named if _can_be_an_id(named) else None,
    )


def _can_be_an_id(named: object) -> TypeGuard[str]:
    return isinstance(named, str) and len(named) <= MAX_ID and "\0" not in named


handler = lambda_entry(app, authenticated=False, any_body=True)
