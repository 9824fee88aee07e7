"""The door of every function that answers HTTP: errors, validation, lists, entry point."""

import base64
import binascii
import json
import logging
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from huntaze import correlation, idempotency
from huntaze.auth import Principal, person_from, principal_from
from huntaze.db import database
from huntaze.entry import invocation
from huntaze.errors import (
    BadRequestError,
    HuntazeError,
    TooManyRequestsError,
    UnsupportedMediaTypeError,
)
from huntaze.ids import new_id

PAGE_LIMIT = 50
PAGE_LIMIT_MAX = 200

# Names of fields come back in refusals. Lambda answers with 6 MB at most, less than it takes.
_TOLD_FIELDS = 50
_TOLD_LETTERS = 200

# How a caller names their request to us.
CORRELATION_HEADER = "X-Correlation-Id"

# What a browser is told unless a feature says otherwise: keep no answer, run nothing of it, take it
# for nothing but what it says it is, and come back through TLS alone.
_CAUTIOUS = {
    "Cache-Control": ["no-store"],
    "Content-Security-Policy": ["default-src 'none'; frame-ancestors 'none'"],
    "Referrer-Policy": ["no-referrer"],
    "Strict-Transport-Security": ["max-age=63072000"],
    "X-Content-Type-Options": ["nosniff"],
}

type LambdaHandler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


class ErrorBody(BaseModel):
    """The shape of every refusal."""

    error: str
    detail: str
    fields: dict[str, str] | None = None


class Page[Item](BaseModel):
    """A part of a list; ``next_cursor`` is null at its end."""

    items: list[Item]
    next_cursor: str | None = None


def encode_cursor(*key: object) -> str:
    """Pack the sort key of the last item of a page."""
    text = json.dumps([str(part) for part in key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> list[str]:
    """Unpack a cursor of ``parts`` parts.

    Raises:
        BadRequestError: It is not one of ours.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key = json.loads(text)
    except (binascii.Error, ValueError, UnicodeError):
        key = None
    if not isinstance(key, list) or len(key) != parts or not all(map(_is_storable, key)):
        raise BadRequestError("The cursor is not one that a list gave; leave it out to start over.")
    return key


def _is_storable(part: object) -> bool:
    """Whether it is a text that Postgres could hold: no NUL, no half of a surrogate pair."""
    if not isinstance(part, str) or "\0" in part:
        return False
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True


def _answer(
    status: HTTPStatus, body: ErrorBody, headers: dict[str, str | list[str]] | None = None
) -> Response[str]:
    return Response(
        status_code=status,
        content_type="application/json",
        body=body.model_dump_json(exclude_none=True),
        headers=headers,
    )


def _refusal(error: HuntazeError) -> Response[str]:
    headers: dict[str, str | list[str]] = {}
    if isinstance(error, TooManyRequestsError):
        headers["Retry-After"] = str(error.retry_after)
    return _answer(
        error.status,
        ErrorBody(error=error.code, detail=error.detail, fields=error.fields),
        headers,
    )


def _invalid(error: RequestValidationError) -> Response[str]:
    fields: dict[str, str] = {}
    for problem in error.errors()[:_TOLD_FIELDS]:
        place = ".".join(str(part) for part in problem["loc"][1:]) or str(problem["loc"][0])
        fields.setdefault(_told(place), _told(str(problem["msg"])))
        if problem["type"] == "json_invalid":
            return _answer(
                HTTPStatus.BAD_REQUEST,
                ErrorBody(error="BadRequest", detail="The body is not valid JSON."),
            )
    return _answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        ErrorBody(
            error="InvalidInput",
            detail="Some fields are not acceptable: " + ", ".join(sorted(fields)) + ".",
            fields=fields,
        ),
    )


def _told(text: str) -> str:
    """A text of the caller's, fit for an answer: JSON may hold half of a surrogate pair."""
    return text[:_TOLD_LETTERS].encode("utf-8", "replace").decode()


def _unsupported(_: Exception) -> Response[str]:
    return _refusal(UnsupportedMediaTypeError("Send JSON, as application/json."))


def _service_error(error: ServiceError) -> Response[str]:
    status = HTTPStatus(error.status_code)
    return _answer(
        status, ErrorBody(error=status.phrase.title().replace(" ", ""), detail=error.msg)
    )


def _no_route(_: Exception) -> Response[str]:
    return _answer(
        HTTPStatus.NOT_FOUND,
        ErrorBody(error="NotFound", detail="There is no such route; see /api/docs."),
    )


def _read_json(text: str) -> Any:  # noqa: ANN401  (a body is anything until it is validated)
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError):
        raise BadRequestError(
            "The body is nested too deeply, or holds a number too long to read."
        ) from None


log = logging.getLogger(__name__)


def create_app() -> APIGatewayRestResolver:
    """Make a feature's resolver: validation, our errors, 500 for a malformed answer of ours."""
    app = APIGatewayRestResolver(
        enable_validation=True,
        response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
        json_body_deserializer=_read_json,
    )
    app.exception_handler(HuntazeError)(_refusal)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(RequestUnsupportedContentType)(_unsupported)
    app.exception_handler(ServiceError)(_service_error)
    app.not_found(_no_route)
    app.use([_note_route])
    return app


def _note_route(
    app: APIGatewayRestResolver, go_on: Callable[[APIGatewayRestResolver], Response[str]]
) -> Response[str]:
    """Let log lines name the route and its ids: the path itself may hold what a caller typed."""
    request = app.request
    named = request.path_parameters or {}
    ids = {name: correlation.parse(value) for name, value in named.items() if name.endswith("_id")}
    correlation.note(route=request.route, **ids)
    return go_on(app)


def lambda_entry(
    app: APIGatewayRestResolver,
    *,
    authenticated: bool = True,
    operators_only: bool = False,
    keeps_replies: bool = True,
    any_body: bool = False,
) -> LambdaHandler:
    """Make the Lambda handler of ``app``.

    Args:
        app: The feature's resolver.
        authenticated: Whether API Gateway has an authorizer on every route of the feature. Who
            comes without its context is refused before any validation, so that a stranger learns
            nothing of a route's shape.
        operators_only: Whether the feature is for operators of the platform, who may be in no
            workspace. Others are refused as early as strangers.
        keeps_replies: Whether a request with an Idempotency-Key is answered once; not where
            repeating it changes nothing, or its reply sets cookies, which are not kept.
        any_body: Whether the feature reads bodies by itself, byte for byte (signed webhooks).
    """

    def entry(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        request_context = event.get("requestContext") or {}
        caller = request_context.get("authorizer") or {}
        started = time.monotonic()
        # API Gateway's test console sends no id of its own.
        request_id = correlation.parse(request_context.get("requestId")) or new_id()
        with invocation(request_id, workspace_id=caller.get("workspace_id")):
            admit = _admit_operator if operators_only else partial(_admit, authenticated)
            answer = _answer_event(
                app, event, context, admit=admit, keeps_replies=keeps_replies, any_body=any_body
            )
            log.info(
                "answered",
                extra={
                    "method": event.get("httpMethod"),
                    "status": answer["statusCode"],
                    "duration_ms": round((time.monotonic() - started) * 1000, 1),
                },
            )
        headers = {
            **_CAUTIOUS,
            **answer["multiValueHeaders"],
            CORRELATION_HEADER: [str(request_id)],
        }
        return {**answer, "multiValueHeaders": headers}

    return entry


def _admit(authenticated: bool, authorizer: dict[str, str] | None) -> Principal | None:
    """The member who calls; None where it may be somebody else and is."""
    if authenticated or "workspace_id" in (authorizer or {}):
        return principal_from(authorizer)
    return None


def _admit_operator(authorizer: dict[str, str] | None) -> None:
    person_from(authorizer).require_operator()


def _answer_event(
    app: APIGatewayRestResolver,
    event: dict[str, Any],
    context: LambdaContext,
    *,
    admit: Callable[[dict[str, str] | None], Principal | None],
    keeps_replies: bool,
    any_body: bool,
) -> dict[str, Any]:
    try:
        authorizer = (event.get("requestContext") or {}).get("authorizer")
        member = admit(authorizer)
        if not any_body:
            _refuse_unreadable(event)
        keyed = idempotency.keyed_request(event, member) if member and keeps_replies else None
        resolve = partial(app.resolve, event, context)
        answer = idempotency.answer_once(keyed, database(), resolve) if keyed else resolve()
    except HuntazeError as refusal:
        return _refusal_event(refusal)
    # Null is an empty body to API Gateway, but not to everything that stands in for it.
    return {**answer, "body": answer.get("body") or ""}


def _refuse_unreadable(event: dict[str, Any]) -> None:
    """Refuse what no route takes.

    Raises:
        BadRequestError: A text holds NUL.
        UnsupportedMediaTypeError: The body is a form, which a page of any origin may send.
    """
    if _holds_nul(event):
        raise BadRequestError("Text must not hold the character NUL.")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    kind = headers.get("content-type", "").partition(";")[0].strip()
    if event.get("body") and kind not in {"", "application/json"}:
        raise UnsupportedMediaTypeError("Send JSON, as application/json.")


def _holds_nul(event: dict[str, Any]) -> bool:
    """Whether a text of the request holds NUL, which Postgres cannot store in any text."""
    body = event.get("body") or ""
    query = event.get("multiValueQueryStringParameters") or {}
    texts = [event.get("path", ""), body, *query, *(v for values in query.values() for v in values)]
    return "\\u0000" in body or any("\0" in text for text in texts)


def _refusal_event(refusal: HuntazeError) -> dict[str, Any]:
    response = _refusal(refusal)
    return {
        "statusCode": int(refusal.status),
        "multiValueHeaders": {
            "Content-Type": ["application/json"],
            **{name: [str(value)] for name, value in response.headers.items()},
        },
        "body": response.body,
        "isBase64Encoded": False,
    }
