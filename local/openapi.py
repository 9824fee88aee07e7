"""The OpenAPI document of all features together: ``python -m local.openapi [--check]``.

Each feature knows its own routes and shapes. What holds for all of them, refusals and how to log
in, is added here. The result is ``docs/openapi.json``, which is reviewed like code and served by
the API.
"""

import argparse
import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from huntaze.http import ErrorBody
from huntaze.tokens import CSRF_HEADER, SESSION_COOKIE

type Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "openapi.json"
VERSION = "1.0.0"
DESCRIPTION = (
    "The backend that runs the business side of a content creator. JSON in snake_case; times in"
    " ISO 8601 with zone; money in integer cents with a currency. Lists answer `items` and"
    " `next_cursor`; give the cursor back for the next page."
)
# Everything else needs a member who is logged in.
PUBLIC = frozenset(
    {
        "/api/auth/accept-invitation",
        "/api/auth/forgot-password",
        "/api/auth/jwks.json",
        "/api/auth/login",
        "/api/auth/magic-link",
        "/api/auth/magic-link/consume",
        "/api/auth/oauth/{provider}/callback",
        "/api/auth/oauth/{provider}/start",
        "/api/auth/refresh",
        "/api/auth/register",
        "/api/auth/resend-verification",
        "/api/auth/reset-password",
        "/api/auth/verify-email",
        "/api/billing/plans",
        "/api/docs",
        "/api/health",
        "/api/openapi.json",
        "/api/webhooks/stripe",
    }
)
# Public, and adds a member.
_JOINING = "/api/auth/accept-invitation"

_REFUSALS = {
    "400": ("BadRequest", "The request cannot be read."),
    "401": ("Unauthorized", "Nobody is logged in, or the proof is no longer valid."),
    "402": ("PaymentRequired", "The plan does not include this; `fields.plan` is one that does."),
    "403": ("Forbidden", "The caller may not do this."),
    "404": ("NotFound", "There is no such thing in the caller's workspace."),
    "409": ("Conflict", "The thing is not in a state that allows this."),
    "413": ("TooLarge", "The request passes a limit of size."),
    "415": ("UnsupportedMediaType", "The body is not JSON, or a file where the route takes one."),
    "422": ("InvalidInput", "Some fields are not acceptable; `fields` says which and why."),
    "429": ("TooManyRequests", "A limit is reached; `Retry-After` says when to come back."),
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name for this request, e.g. a UUID. Sent again with the same body within a"
    " day, it has the same reply and no second effect; with another body it is 422, and while the"
    " first is under way 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_METHODS = ("get", "post", "put", "patch", "delete")
_SAFE = frozenset({"get"})
# What Powertools writes about its own refusals, which never leave a function of ours.
_NOT_OURS = frozenset({"HTTPValidationError", "ValidationError", "ResponseValidationError"})


def build() -> Json:
    """Merge the documents of all features."""
    schemas = SchemaNames()
    paths: dict[str, Json] = {}
    tags: set[str] = set()
    for feature, app in features():
        own = json.loads(app.get_openapi_json_schema(title="Huntaze", version=VERSION))
        schemas.add(feature, own.get("components", {}).get("schemas", {}))
        descriptions = docstrings(app)
        for path, operations in own["paths"].items():
            for method, operation in operations.items():
                if method in paths.get(path, {}):
                    raise ValueError(f"Two features answer {method.upper()} {path}.")
                _describe(operation, descriptions[method, path])
                _complete(operation, method, path)
                tags.update(operation["tags"])
                paths.setdefault(path, {})[method] = {"x-feature": feature, **operation}
    document: Json = _tidy(
        {
            "openapi": "3.1.0",
            "info": {"title": "Huntaze", "version": VERSION, "description": DESCRIPTION},
            # Wherever the document is, the API is one step up: stages have their own path.
            "servers": [{"url": ".."}],
            "tags": [{"name": tag} for tag in sorted(tags)],
            "paths": {
                path: {
                    method: schemas.renamed(operations[method].pop("x-feature"), operations[method])
                    for method in _METHODS
                    if method in operations
                }
                for path, operations in sorted(paths.items())
            },
            "components": {
                "schemas": {**schemas.merged(), "Error": _error_schema()},
                "responses": {name: _refusal(text) for name, text in _REFUSALS.values()},
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                    "cookie": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
                    "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
                },
            },
        }
    )
    return document


def features() -> Iterator[tuple[str, APIGatewayRestResolver]]:
    """Import every handler that answers HTTP, in a fixed order."""
    folder = ROOT / "functions"
    for file in sorted([*folder.glob("*/handler.py"), *folder.glob("*/*/handler.py")]):
        parts = file.relative_to(folder).parent.parts
        module = importlib.import_module(".".join(("functions", *parts, "handler")))
        app = getattr(module, "app", None)
        if isinstance(app, APIGatewayRestResolver):
            yield parts[0], app


def docstrings(app: APIGatewayRestResolver) -> dict[tuple[str, str], str]:
    """The docstring of each route's function: what the document says about it."""
    # Powertools keeps no public list of its routes.
    routes = [*app._static_routes, *app._dynamic_routes]
    return {
        (route.method.lower(), route.openapi_path): inspect.getdoc(route.func) or ""
        for route in routes
    }


class SchemaNames:
    """Shapes of all features: equal ones are shared, others are told apart by their feature."""

    def __init__(self) -> None:
        self._of_feature: dict[str, Json] = {}

    def add(self, feature: str, schemas: Json) -> None:
        """Add the shapes of a feature, or of one more of its functions."""
        ours = {name: schema for name, schema in schemas.items() if name not in _NOT_OURS}
        self._of_feature.setdefault(feature, {}).update(ours)

    def merged(self) -> Json:
        """All shapes by their final names."""
        merged = {
            self._final(feature, name): self.renamed(feature, schema)
            for feature, schemas in self._of_feature.items()
            for name, schema in schemas.items()
        }
        return dict(sorted(merged.items()))

    def renamed(self, feature: str, part: Any) -> Any:  # noqa: ANN401 - any part of a document
        """Copy a part of a feature's document with the final names in its references."""
        if isinstance(part, list):
            return [self.renamed(feature, item) for item in part]
        if not isinstance(part, dict):
            return part
        copy = {key: self.renamed(feature, value) for key, value in part.items()}
        prefix, _, name = str(part.get("$ref", "")).rpartition("/")
        if prefix == "#/components/schemas" and name in self._of_feature[feature]:
            copy["$ref"] = f"{prefix}/{self._final(feature, name)}"
        return copy

    def _final(self, feature: str, name: str) -> str:
        shapes = {
            json.dumps(self._expanded(other, name, ()), sort_keys=True)
            for other, schemas in self._of_feature.items()
            if name in schemas
        }
        return name if len(shapes) == 1 else f"{feature.title()}{name}"

    def _expanded(self, feature: str, name: str, above: tuple[str, ...]) -> Any:  # noqa: ANN401
        """A shape with its references written out, so that equal names cannot hide a difference."""
        if name in above or name not in self._of_feature[feature]:
            return name

        def expand(part: Any) -> Any:  # noqa: ANN401
            if isinstance(part, list):
                return [expand(item) for item in part]
            if not isinstance(part, dict):
                return part
            if "$ref" in part:
                return self._expanded(feature, part["$ref"].rpartition("/")[2], (*above, name))
            return {key: expand(value) for key, value in part.items()}

        return expand(self._of_feature[feature][name])


def _describe(operation: Json, text: str) -> None:
    summary, _, rest = text.partition("\n")
    operation["summary"] = summary.strip().removesuffix(".")
    # Sections of the docstring are for its readers in the code.
    paragraphs = [p for p in inspect.cleandoc(rest).split("\n\n") if not _is_section(p)]
    description = "\n\n".join(" ".join(p.split()) for p in paragraphs if p)
    if description:
        operation["description"] = description


def _is_section(paragraph: str) -> bool:
    return paragraph.strip().startswith(("Args:", "Raises:", "Returns:", "Yields:"))


def _complete(operation: Json, method: str, path: str) -> None:
    responses = operation["responses"]
    for status, response in list(responses.items()):
        # Refusals that Powertools adds by itself; a feature's own words stay.
        if any(name in json.dumps(response) for name in _NOT_OURS):
            del responses[status]
    if "204" in responses:
        responses["204"] = {"description": "Done; there is nothing to say."}
    for status in _refusals_of(operation, method, path):
        responses.setdefault(status, {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"})
    operation["responses"] = dict(sorted(responses.items()))
    if path not in PUBLIC and method not in _SAFE:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    if path in PUBLIC:
        operation["security"] = []
    elif method in _SAFE:
        operation["security"] = [{"bearer": []}, {"cookie": []}]
    else:
        operation["security"] = [{"bearer": []}, {"cookie": [], "csrf": []}]


def _refusals_of(operation: Json, method: str, path: str) -> set[str]:
    parameters = {parameter["in"] for parameter in operation.get("parameters", [])}
    if path not in PUBLIC and method not in _SAFE:
        parameters.add("header")
    statuses = {"429"}
    if path not in PUBLIC or method not in _SAFE:
        statuses |= {"401", "403"}
    if method not in _SAFE:
        statuses |= {"409"}
    if "requestBody" in operation:
        statuses |= {"400", "413", "415", "422"}
    if parameters:
        statuses |= {"422"}
    if "header" in parameters:
        statuses |= {"400"}
    if "query" in parameters:
        statuses |= {"400", "404"}
    if (path not in PUBLIC and method not in _SAFE) or path == _JOINING:
        # The plan is asked where something is added or sent.
        statuses |= {"402"}
    if "path" in parameters or (path not in PUBLIC and method not in _SAFE):
        statuses |= {"404"}
    return statuses


def _error_schema() -> Json:
    return ErrorBody.model_json_schema()


def _refusal(text: str) -> Json:
    reference = {"$ref": "#/components/schemas/Error"}
    refusal: Json = {
        "description": text,
        "content": {"application/json": {"schema": reference}},
    }
    if text == _REFUSALS["429"][1]:
        seconds = {"type": "integer", "minimum": 0}
        refusal["headers"] = {"Retry-After": {"description": "Seconds.", "schema": seconds}}
    return refusal


def _tidy(part: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Write whole numbers without a point: limits are integers however they were declared."""
    if isinstance(part, dict):
        return {key: _tidy(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    return int(part) if isinstance(part, float) and part.is_integer() else part


def render() -> str:
    """The document as it stands in the file."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the document, or only compare it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail when the file is out of date")
    text = render()
    if parser.parse_args().check:
        if not DOCUMENT.exists() or DOCUMENT.read_text() != text:
            print(f"{DOCUMENT.relative_to(ROOT)} is out of date: run `python -m local.openapi`.")
            return 1
        return 0
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
