"""Runs at deploy, so that there are keys, and on a schedule, so that they do not grow old."""

import logging
import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.token_keys import service
from functions.token_keys.gateway import SecretKeys
from functions.token_keys.service import When
from functions.token_keys.settings import TokenKeysSettings
from huntaze import custom_resource
from huntaze.entry import entry
from huntaze.settings import load

# One set of keys a stage: a changed id would make CloudFormation delete the old one.
_RESOURCE_ID = "huntaze-token-keys"

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer CloudFormation, or rotate; ``{"when": "at_once"}`` does not wait until it is due."""
    if "RequestType" in event:
        return custom_resource.respond(event, _resource, resource_id=_RESOURCE_ID)
    return {"rotated": _keep_fresh(When(event.get("when", When.DUE)))}


def _resource(event: dict[str, Any]) -> dict[str, Any]:
    # Deleting the resource deletes nothing: the secrets have a life of their own.
    if event["RequestType"] != "Delete":
        _keep_fresh(When.DUE)
    return {"PhysicalResourceId": event.get("PhysicalResourceId", _RESOURCE_ID), "Data": {}}


def _keep_fresh(when: When) -> bool:
    settings = load(TokenKeysSettings)
    store = SecretKeys(
        settings.token_signing_keys_secret_arn, settings.token_public_keys_secret_arn
    )
    made = service.keep_fresh(store, now=datetime.now(UTC), rng=os.urandom, when=when)
    log.info("the token keys are fresh", extra={"made": made})
    return made
