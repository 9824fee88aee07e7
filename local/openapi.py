"""The OpenAPI document of all features together: ``python -m local.openapi [--check]``.

Each feature knows its own routes and shapes. What holds for all of them, refusals and how to log
in, is added here. The result is ``docs/openapi.json``, which is reviewed like code and served by
the API.
"""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

import functions
import huntaze
from huntaze.http import ErrorBody
from huntaze.tokens import CSRF_HEADER, SESSION_COOKIE
from local.openapi_examples import Examples
from local.openapi_operations import NOT_OURS, Operations

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
        "/api/webhooks/platforms/{name}",
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

# What Powertools says of an answer whose route says nothing.
_WORDLESS = "Successful Response"
_METHODS = ("get", "post", "put", "patch", "delete")
_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`access_token` of a login, for programs; renewed at `POST"
        " /api/auth/refresh`. Where the role `platform_operator` is named, the caller must be an"
        " operator of the platform.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The same token as browsers keep it: httpOnly, Secure, SameSite=Lax.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "`csrf_token` of the session (`GET /api/auth/me`): beside the cookie on"
        " every request that changes something.",
    },
}


def build() -> Json:
    """Merge the documents of all features."""
    schemas, words = SchemaNames(), Operations()
    paths: dict[str, Json] = {}
    tags: set[str] = set()
    for feature, app in features():
        own = json.loads(app.get_openapi_json_schema(title="Huntaze", version=VERSION))
        schemas.add(feature, own.get("components", {}).get("schemas", {}))
        routes = route_functions(app)
        for path, operations in own["paths"].items():
            for method, operation in operations.items():
                if method in paths.get(path, {}):
                    raise ValueError(f"Two features answer {method.upper()} {path}.")
                route, public = routes[method, path], path in PUBLIC
                words.complete(operation, method, path, route=route, public=public)
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
                "schemas": {**schemas.merged(), "Error": ErrorBody.model_json_schema()},
                "securitySchemes": _SECURITY,
                **words.components(),
            },
        }
    )
    _add_examples(document)
    return document


def features() -> Iterator[tuple[str, APIGatewayRestResolver]]:
    """Import every handler that answers HTTP, in a fixed order."""
    folder = ROOT / "functions"
    files = sorted([*folder.glob("*/handler.py"), *folder.glob("*/*/handler.py")])
    slices = [file.relative_to(folder).parent.parts for file in files]
    # All before the first is looked at: what a route can raise is read from its whole feature, and
    # must not depend on who else has imported what.
    for package in (functions, huntaze):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    modules = [importlib.import_module(".".join(("functions", *one, "handler"))) for one in slices]
    for parts, module in zip(slices, modules, strict=True):
        app = getattr(module, "app", None)
        if isinstance(app, APIGatewayRestResolver):
            yield parts[0], app


def route_functions(app: APIGatewayRestResolver) -> dict[tuple[str, str], Callable[..., Any]]:
    """The function that answers each route."""
    # Powertools keeps no public list of its routes.
    routes = [*app._static_routes, *app._dynamic_routes]
    return {(route.method.lower(), route.openapi_path): route.func for route in routes}


def _add_examples(document: Json) -> None:
    """Give every body of a request and of an answer an example."""
    components = document["components"]
    examples = Examples(components["schemas"])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            body = operation.get("requestBody")
            if body is not None:
                examples.add(body["content"], of_request=True, path=path)
            for response in operation["responses"].values():
                examples.add(response.get("content", {}), of_request=False)
                if response.get("description") == _WORDLESS:
                    response["description"] = examples.sentence(response.get("content", {}))
    components["examples"] = {**dict(sorted(examples.kept.items())), **components["examples"]}


class SchemaNames:
    """Shapes of all features: equal ones are shared, others are told apart by their feature."""

    def __init__(self) -> None:
        self._of_feature: dict[str, Json] = {}

    def add(self, feature: str, schemas: Json) -> None:
        """Add the shapes of a feature, or of one more of its functions."""
        ours = {name: schema for name, schema in schemas.items() if name not in NOT_OURS}
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
