"""API Gateway's REQUEST authorizer: proof in, policy and context out."""

import logging
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.authorizer import service
from functions.authorizer.models import Admission
from functions.authorizer.repository import PostgresSessions
from functions.authorizer.settings import AuthorizerSettings
from huntaze import correlation, metrics, tokens
from huntaze.db import database
from huntaze.entry import invocation
from huntaze.errors import UnauthorizedError
from huntaze.settings import load

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """API Gateway answers 401 to exactly this message, 500 to any other."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Admit the request of ``event``, refuse it, or say that nobody is logged in."""
    request_id = (event.get("requestContext") or {}).get("requestId")
    with invocation(correlation.parse(request_id)):
        try:
            policy = _judge(event)
        except Exception:
            # Lambda's own count of errors holds every visitor without a session.
            metrics.record(metrics.AUTHORIZER_FAILURES, 1)
            raise
    if policy is None:
        raise RefusedError
    return policy


def _judge(event: dict[str, Any]) -> dict[str, Any] | None:
    """The policy for the request of ``event``; None when nobody is logged in."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    try:
        credentials = service.read_credentials(
            headers, session_cookie=tokens.SESSION_COOKIE, csrf_header=tokens.CSRF_HEADER
        )
        admission = service.admit(
            event["httpMethod"], credentials, verify=_claims, sessions=_sessions()
        )
    except UnauthorizedError:
        log.info("nobody is logged in")
        return None
    return _policy(admission, event["methodArn"])


def _claims(token: str) -> tuple[UUID, UUID]:
    return tokens.verify(tokens.key_ring(), token)


def _sessions() -> service.Sessions:
    settings = load(AuthorizerSettings)
    return PostgresSessions(
        database(),
        per_principal=settings.rate_per_principal,
        per_workspace=settings.rate_per_workspace,
    )


def _policy(admission: Admission, method_arn: str) -> dict[str, Any]:
    api_and_stage = "/".join(method_arn.split("/")[:2])
    return {
        "principalId": str(admission.caller.user_id),
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if admission.allowed else "Deny",
                    "Resource": f"{api_and_stage}/*",
                }
            ],
        },
        "context": _context_of(admission),
    }


def _context_of(admission: Admission) -> dict[str, str]:
    """What the features learn; API Gateway passes text only."""
    caller = admission.caller
    context = {
        "user_id": str(caller.user_id),
        "session_id": str(admission.session_id),
        "email_verified": "true" if caller.email_verified else "false",
        "operator": "true" if caller.operator else "false",
    }
    if caller.workspace_id is not None and caller.role and caller.plan:
        scope = caller.creator_scope
        context |= {
            "workspace_id": str(caller.workspace_id),
            "role": caller.role,
            "creators": "*" if scope is None else ",".join(map(str, scope)),
            "plan": caller.plan,
        }
    if caller.retry_after is not None:
        context["retry_after"] = str(caller.retry_after)
    return context
