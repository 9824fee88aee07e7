"""The operations of the OpenAPI document that are asked, and what it says of each."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.matrix.entries import MATRIX

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
OPERATIONS = {
    (method, path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
# What has no entry fails a test of its own.
PRIVATE = sorted(OPERATIONS.keys() & MATRIX.keys())
# What belongs to a workspace, and to people in it.
TENANT = [one for one in PRIVATE if not MATRIX[one].operator]
WITH_BODY = [one for one in PRIVATE if MATRIX[one].body is not None]
WITH_PATH = [one for one in PRIVATE if "{" in one[1]]


def each(operations: list[tuple[str, str]]) -> pytest.MarkDecorator:
    """Ask a test of every operation of a list."""
    return pytest.mark.parametrize(
        ("method", "path"), operations, ids=[" ".join(operation) for operation in operations]
    )


def named_refusals(method: str, path: str, status: int) -> set[str]:
    """The refusals that the document names for a status of an operation."""
    response = OPERATIONS[method, path]["responses"][str(status)]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return set(response["content"]["application/json"]["examples"])


def path_names(path: str) -> list[str]:
    """What a path names."""
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def query_ids(method: str, path: str, only: str | None = None) -> list[str]:
    """The parameters of a query that are ids, or one of them only."""
    return [
        parameter["name"]
        for parameter in OPERATIONS[method, path].get("parameters", [])
        if parameter["in"] == "query" and '"uuid"' in json.dumps(parameter["schema"])
        if only in (None, parameter["name"])
    ]


def body_schema(method: str, path: str) -> dict[str, Any]:
    """The shape of a body."""
    content = OPERATIONS[method, path]["requestBody"]["content"]["application/json"]["schema"]
    schema: dict[str, Any] = DOCUMENT["components"]["schemas"][content["$ref"].split("/")[-1]]
    return schema


def body_ids(method: str, path: str) -> list[str]:
    """The fields of a body that are ids."""
    properties = body_schema(method, path)["properties"]
    return [name for name, shape in properties.items() if '"uuid"' in json.dumps(shape)]
