"""Custom resource: tells CloudFormation the public half of a key that it never sees whole."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.media_keys import service
from functions.media_keys.gateway import SecretKey
from huntaze import custom_resource

_RESOURCE_ID = "huntaze-media-key"


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Settle the key of the secret that the resource names."""
    return custom_resource.respond(event, _resource, resource_id=_RESOURCE_ID)


def _resource(event: dict[str, Any]) -> dict[str, Any]:
    answer = {"PhysicalResourceId": event.get("PhysicalResourceId", _RESOURCE_ID), "Data": {}}
    # Deleting the resource deletes nothing: the secret has a life of its own.
    if event["RequestType"] != "Delete":
        store = SecretKey(event["ResourceProperties"]["SecretArn"])
        answer["Data"] = {"PublicKey": service.settle(store)}
    return answer
