"""The door of Stripe: verify, store the event's id, queue it, answer. Nothing else is done here."""

import json
import logging
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Request, Response
from pydantic import BaseModel, Field, ValidationError

from functions.billing.records import at_second
from functions.billing.repository import PostgresEvents, TakenEvent
from functions.billing.webhook.secrets import SigningSecrets
from functions.billing.webhook.settings import WebhookSettings
from huntaze import clients, signatures
from huntaze.db import database
from huntaze.errors import BadRequestError
from huntaze.http import create_app, lambda_entry
from huntaze.settings import load

# The events that Stripe is asked for; ids are all that is kept of them.
KINDS = frozenset(
    {
        *("checkout.session.completed", "checkout.session.async_payment_succeeded"),
        *(f"customer.subscription.{what}" for what in ("created", "updated", "deleted", "paused")),
        *("customer.subscription.resumed", "customer.subscription.trial_will_end"),
        *("invoice.finalized", "invoice.paid", "invoice.payment_succeeded"),
        *("invoice.payment_failed", "invoice.payment_action_required", "invoice.updated"),
        *("invoice.voided", "invoice.marked_uncollectible"),
        *("charge.refunded", "charge.refund.updated", "charge.dispute.created"),
        *("charge.dispute.updated", "charge.dispute.closed"),
        *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
    }
)
_LARGEST = 512 * 1024
_Id = Field(min_length=1, max_length=255)

_REFUSAL: dict[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}

app = create_app()
log = logging.getLogger(__name__)


class _Object(BaseModel):
    id: str = _Id
    customer: str | dict[str, Any] | None = None
    charge: str | dict[str, Any] | None = None


class _Data(BaseModel):
    object: _Object


class _Event(BaseModel):
    id: str = _Id
    type: str = _Id
    created: int = Field(ge=0, le=253_402_300_799)
    livemode: bool
    data: _Data


class Taken(BaseModel):
    """What Stripe is told."""

    received: bool = True


@cache
def signing_secrets() -> SigningSecrets:
    """The secrets of this stage."""
    return SigningSecrets(
        lambda: clients.secret_json(load(WebhookSettings).stripe_webhook_secret_arn)
    )


@app.post(
    "/api/webhooks/stripe",
    tags=["billing"],
    responses={
        HTTPStatus.OK: {"description": "Taken, now or before; worked on from a queue."},
        HTTPStatus.BAD_REQUEST: {
            "description": "Not signed by Stripe, or not in these minutes.",
            "content": _REFUSAL,
        },
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {
            "description": "Larger than any event.",
            "content": _REFUSAL,
        },
    },
)
def take_stripe_event(request: Request) -> Response[Taken]:
    """Take an event of Stripe's, signed over the raw body.

    The signature is judged before anything of the body is read; what is stale or dated in the
    future is refused.
    """
    sent = request.resolved_event.raw_event
    body = signatures.raw_body(sent, most=_LARGEST)
    header = signatures.header_of(sent, "Stripe-Signature")
    signing_secrets().verify(body, header, now=time.time())
    event = _event(body)
    if event.type in KINDS and PostgresEvents(database()).take(event):
        # Repeated until somebody has worked on it: a queue that failed once must not lose it.
        clients.sqs().send_message(
            QueueUrl=load(WebhookSettings).webhooks_queue_url,
            MessageBody=json.dumps({"event_id": event.id}),
        )
    log.info("stripe event taken in", extra={"event_id": event.id, "event_type": event.type})
    return Response(HTTPStatus.OK, content_type="application/json", body=Taken())


def _event(body: bytes) -> TakenEvent:
    try:
        found = _Event.model_validate_json(body)
    except ValidationError:
        raise BadRequestError("The body is no event.") from None
    thing = found.data.object
    return TakenEvent(
        id=found.id,
        type=found.type,
        object_id=thing.id,
        customer_id=_reference(thing.customer),
        charge_id=_reference(thing.charge) if found.type.startswith("charge.") else None,
        livemode=found.livemode,
        created_at=at_second(found.created),
    )


def _reference(value: str | dict[str, Any] | None) -> str | None:
    """The id of something that may be written out."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None


handler = lambda_entry(app, authenticated=False, any_body=True)
