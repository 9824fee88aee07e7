"""Custom resources: a function that CloudFormation calls at deploy, and the answer it waits for."""

import json
import logging
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

_ANSWER_SECONDS = 20
# CloudFormation refuses an answer of more than 4 KB.
_REASON_LENGTH = 1000

log = logging.getLogger(__name__)


def respond(
    event: dict[str, Any], work: Callable[[dict[str, Any]], dict[str, Any]], *, resource_id: str
) -> dict[str, Any]:
    """Do ``work`` for a request of CloudFormation's and tell it how that ended.

    Args:
        event: The request.
        work: Makes the answer: ``PhysicalResourceId`` and ``Data``.
        resource_id: Names the resource when ``work`` has failed before there was one.
    """
    if not _waits_for_answer(event):
        return work(event)
    try:
        result = work(event)
    except Exception as error:
        log.exception("the custom resource failed")
        reason = f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
        result = {"PhysicalResourceId": event.get("PhysicalResourceId", resource_id)}
        # Answered is handled: raising would make Lambda run it again.
        _answer(event, result, failure=reason)
    else:
        _answer(event, result)
    return result


def _waits_for_answer(event: dict[str, Any]) -> bool:
    """Whether CloudFormation itself called; CDK's provider puts ``...`` in place of the address."""
    return urlsplit(event.get("ResponseURL", "")).scheme in ("http", "https")


def _answer(event: dict[str, Any], result: dict[str, Any], *, failure: str | None = None) -> None:
    body = {
        "Status": "SUCCESS" if failure is None else "FAILED",
        "Reason": failure or "Done.",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        **result,
    }
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        # The address was signed without a type; urllib would add one.
        headers={"Content-Type": ""},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS):  # noqa: S310
        pass
