"""The OpenAPI document: as committed, whole, and true to the gateway's public routes."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local import openapi
from local.openapi_operations import OF_OPERATORS
from stacks.features import auth, billing, docs, oauth, platforms

DOCUMENT: dict[str, Any] = json.loads(openapi.DOCUMENT.read_text())
OPERATIONS = [
    (method, path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]

each = pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS]
)


def test_the_committed_document_is_what_the_features_say():
    assert openapi.DOCUMENT.read_text() == openapi.render(), "run `python -m local.openapi`"


# What is part of the code, and a page in itself.
_WHOLE = {"/api/marketing/campaigns/templates", "/api/of/campaigns/templates"}


def test_every_list_is_read_in_pages_of_bounded_size():
    lists = 0
    for method, path, operation in OPERATIONS:
        if method == "get" and path not in _WHOLE and _answers_with_a_page(operation):
            lists += 1
            asked = {one["name"]: one["schema"] for one in operation["parameters"]}
            assert "cursor" in asked, path
            bounds = (asked["limit"]["minimum"], asked["limit"]["maximum"])
            assert bounds == (1, 200), path
    assert lists >= 10


def _answers_with_a_page(operation):
    answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    name = answer.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return "next_cursor" in DOCUMENT["components"]["schemas"].get(name, {}).get("properties", {})


def test_every_operation_has_an_id_of_its_own():
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))


@each
def test_every_operation_says_what_it_does_and_how_it_refuses(method, path, operation):
    assert operation["summary"]
    assert not operation["summary"].startswith(method.upper())
    assert operation["tags"]
    statuses = set(operation["responses"])
    assert any(status.startswith("2") or status == "302" for status in statuses)
    assert not any(status.startswith("5") for status in statuses)
    assert "429" in statuses
    if path in openapi.PUBLIC:
        assert operation["security"] == []
    else:
        roles = ["platform_operator"] if path.startswith(OF_OPERATORS) else []
        assert {"bearer": roles} in operation["security"]
        (cookie,) = [one for one in operation["security"] if "cookie" in one]
        assert ("csrf" in cookie) == (method != "get")
        assert {"401", "403"} <= statuses


@each
def test_every_operation_and_parameter_is_described(method, path, operation):
    assert operation["description"].strip(), (method, path)
    for parameter in operation.get("parameters", []):
        assert parameter["description"].strip(), parameter["name"]
    for response in operation["responses"].values():
        assert "$ref" in response or response["description"] != "Successful Response"


@each
def test_every_body_has_an_example_that_fits_its_shape(method, path, operation):
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    bodies += [_resolved(one) for one in operation["responses"].values()]
    for body in bodies:
        media = body.get("content", {}).get("application/json")
        if media is None:
            continue
        given = [_resolved(one)["value"] for one in media.get("examples", {}).values()]
        given += [media["example"]] if "example" in media else []
        assert given, (method, path)
        shape = {**media["schema"], "components": DOCUMENT["components"]}
        checked = Draft202012Validator(shape, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for example in given:
            checked.validate(example)


@each
def test_every_refusal_is_named(method, path, operation):
    for status, response in operation["responses"].items():
        if status.startswith("4"):
            media = _resolved(response)["content"]["application/json"]
            for name, example in media["examples"].items():
                body = _resolved(example)["value"]
                assert body["error"] == name, (method, path)
                assert body["detail"]


def test_what_a_route_raises_is_found_wherever_it_is_raised():
    named = {
        (path, name)
        for _, path, operation in OPERATIONS
        for response in operation["responses"].values()
        for name in _resolved(response)
        .get("content", {})
        .get("application/json", {})
        .get("examples", {})
    }
    # A rule, a repository, a provider of the door, the domain, the door itself.
    for path, name in (
        ("/api/auth/login", "WrongCredentials"),
        ("/api/content", "MediaExists"),
        ("/api/billing/portal", "ForeignPage"),
        ("/api/of/send", "NotCompliant"),
        ("/api/management/creators", "PaymentRequired"),
        ("/api/marketing/campaigns", "IdempotencyKeyReused"),
        ("/api/health/hybrid-orchestrator", "EmailUnverified"),
    ):
        assert (path, name) in named
    assert ("/api/auth/logout", "PaymentRequired") not in named
    assert ("/api/crm/fans", "IllegalMove") not in named


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: dict[str, Any] = DOCUMENT
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_every_reference_leads_somewhere():
    def references(part: Any) -> list[str]:
        if isinstance(part, list):
            return [found for item in part for found in references(item)]
        if isinstance(part, dict):
            here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return here + [found for item in part.values() for found in references(item)]
        return []

    for reference in set(references(DOCUMENT)):
        place = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


def test_what_is_documented_as_public_is_public_at_the_gateway():
    at_the_gateway = {f"/api/auth/{name}" for name in (*auth._PUBLIC, *auth._PUBLIC_READS)}
    at_the_gateway |= {*docs._ROUTES, *billing._PUBLIC, *oauth._PUBLIC_READS, *platforms._PUBLIC}
    assert at_the_gateway >= openapi.PUBLIC
    documented = {path for _, path, operation in OPERATIONS if operation["security"] == []}
    assert documented == at_the_gateway & set(DOCUMENT["paths"])


def test_equal_names_of_different_shapes_are_told_apart():
    names = openapi.SchemaNames()
    shared = {"type": "object", "title": "Page"}
    names.add("fans", {"Page": shared, "Item": {"type": "string"}, "Holder": _holder()})
    names.add("money", {"Page": shared, "Item": {"type": "integer"}, "Holder": _holder()})
    merged = names.merged()
    assert set(merged) == {
        "Page",
        *("FansItem", "FansHolder"),
        *("MoneyItem", "MoneyHolder"),
    }
    assert merged["MoneyHolder"]["properties"]["item"]["$ref"].endswith("/MoneyItem")


def _holder() -> dict[str, Any]:
    return {"properties": {"item": {"$ref": "#/components/schemas/Item"}}}
