"""Requests made from the OpenAPI document, to a deployed cloud, through its gateway and authorizer.

No answer of 5xx, none with a status that the document does not name, none whose body is of another
shape than it says. Always the same requests, a few for each operation; the long form is
``HUNTAZE_FUZZ_EXAMPLES=300``.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from huntaze.ids import new_id
from local import openapi
from local.api_client import ApiClient
from local.openapi_operations import OF_OPERATORS

pytestmark = pytest.mark.e2e

EXAMPLES = int(os.environ.get("HUNTAZE_FUZZ_EXAMPLES", "2"))
DOCUMENT = json.loads(openapi.DOCUMENT.read_text())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
PASSWORD = "correct horse battery"
# Reads first: what is taken away is gone for those that come after.
OPERATIONS = sorted(
    ((method, path) for path, operations in DOCUMENT["paths"].items() for method in operations),
    key=lambda one: (("get", "put", "patch", "post", "delete").index(one[0]), one[1]),
)
# The gateway reads nothing of what these could be given wrong.
TAKES_NOTHING = [
    one
    for one in OPERATIONS
    if not DOCUMENT["paths"][one[1]][one[0]].get("parameters")
    and "requestBody" not in DOCUMENT["paths"][one[1]][one[0]]
]
CASES = [
    pytest.param(*one, mode, id=f"{mode.value}-{' '.join(one)}")
    for one in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or one not in TAKES_NOTHING
]


class Caller:
    """The owner of a workspace that has something of what paths name."""

    def __init__(self, url: str) -> None:
        self._api = ApiClient(url)
        self._email = f"{new_id()}@example.com"
        self._api.post(
            "/api/auth/register", {"email": self._email, "password": PASSWORD, "name": "Ada"}
        )
        self.log_in()
        self.ids = self._fill()

    def log_in(self) -> None:
        """Begin a session; a request may have ended the one before."""
        body = {"email": self._email, "password": PASSWORD}
        logged_in = self._api.post("/api/auth/login", body)
        self.token = logged_in["access_token"]
        self._api.log_in_with(self.token)

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()

    def _fill(self) -> dict[str, str]:
        creator = self._api.post(
            "/api/management/creators", {"platform": "fan_platform", "handle": "ada"}
        )
        of = {"creator_id": creator["id"]}
        fan = self._api.post("/api/crm/fans", {**of, "handle": "sam", "platform_id": "1"})
        made = self._api.post("/api/crm/lists", {**of, "name": "Whales"})
        rules = {"kind": "everyone"}
        segment = self._api.post(
            "/api/marketing/segments", {**of, "name": "Everyone", "rules": rules}
        )
        campaign = self._api.post(
            "/api/marketing/campaigns",
            {**of, "name": "New", "message": "Hi", "segment_id": segment["id"]},
        )
        medium = self._api.post(
            "/api/content", {**of, "platform_media_id": "1", "kind": "photo", "title": "Beach"}
        )
        return {
            **of,
            "fan_id": fan["id"],
            "list_id": made["id"],
            "segment_id": segment["id"],
            "campaign_id": campaign["id"],
            "media_id": medium["id"],
        }


@pytest.fixture(scope="module")
def callers(cloud: Mapping[str, Any]) -> Iterator[dict[str, Caller]]:
    """One caller for each tag: what the requests of one do to their workspace harms no other."""
    tags = {DOCUMENT["paths"][path][method]["tags"][0] for method, path in OPERATIONS}
    made = {tag: Caller(cloud["api_url"]) for tag in sorted(tags)}
    yield made
    for caller in made.values():
        caller.close()


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_answers_as_the_document_says(method, path, mode, callers, cloud):
    operation = SCHEMA[path][method.upper()]
    documented = DOCUMENT["paths"][path][method]
    caller = callers[documented["tags"][0]]
    if path.startswith("/api/auth/"):
        caller.log_in()
    headers = {} if path in openapi.PUBLIC else {"Authorization": f"Bearer {caller.token}"}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def ask(case: Any, known: bool) -> None:
        if known or mode is GenerationMode.POSITIVE:
            named = case.path_parameters or {}
            case.path_parameters = {**named, **{k: caller.ids[k] for k in named if k in caller.ids}}
        answer = case.call(base_url=cloud["api_url"], headers=headers, timeout=90)
        case.validate_response(answer, checks=CHECKS)
        if path.startswith(OF_OPERATORS):
            assert answer.status_code == 403

    ask()
