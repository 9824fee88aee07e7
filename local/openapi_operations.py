"""What the OpenAPI document says of one operation beside its shapes.

Words, who may call it, how it refuses: read from the code that answers, so that it cannot be told
otherwise than it is.
"""

import inspect
from collections import defaultdict
from typing import Any

from huntaze import errors
from huntaze.auth import RIGHTS, VERIFIED_ONLY, EmailUnverifiedError, Right, Role
from huntaze.errors import HuntazeError
from local import route_errors

type Json = dict[str, Any]
type Refusal = type[HuntazeError]

SAFE = frozenset({"get"})
# What operators of the platform have for themselves; they need be in no workspace.
OF_OPERATORS = ("/api/admin/", "/api/health/")
# About the person who calls, in whatever workspace.
_OF_PERSON = "/api/auth/"
# Replies that set cookies are not kept; what operators change names the version that they saw.
_UNKEYED = (*(f"{_OF_PERSON}{path}" for path in ("logout", "oauth", "workspaces")), *OF_OPERATORS)

_GENERAL = {
    "400": "The request cannot be read.",
    "401": "Nobody is logged in, or the proof is no longer valid.",
    "402": "The plan does not include this; `fields.plan` is one that does.",
    "403": "The caller may not do this.",
    "404": "There is no such thing in the caller's workspace.",
    "409": "The thing is not in a state that allows this.",
    "410": "What the request refers to is not kept any more.",
    "413": "The request passes a limit of size.",
    "415": "The body is not JSON, or a file where the route takes one.",
    "422": "Some fields are not acceptable; `fields` says which and why.",
    "429": "A limit is reached; `Retry-After` says when to come back.",
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
_PARAMETERS = {
    "code": "What the provider gave the browser for us.",
    "creator_id": "The creator; may be left out where the workspace has only one.",
    "cursor": "`next_cursor` of the page before; left out for the first page.",
    "iss": "Who the provider says it is (RFC 9207).",
    "kind": "Only of this kind.",
    "limit": "The most items of a page.",
    "list": "Only fans on this list.",
    "niche": "Only of this niche.",
    "q": "What is searched for.",
    "search": "What is searched for: handle, name or the whole e-mail address.",
    "sort": "By what the list is ordered.",
    "state": "Only in this state.",
    "status": "Only in this status.",
    "tag": "Only with this tag.",
    "target_id": "Only what was done to this.",
    "tier": "Only of this tier.",
    "type": "Only of this type.",
}
_AWAY = {
    "description": "To the provider, or back to one of our own pages.",
    "headers": {"Location": {"description": "Where to.", "schema": {"type": "string"}}},
}
# What Powertools writes about its own refusals, which never leave a function of ours.
NOT_OURS = frozenset({"HTTPValidationError", "ValidationError", "ResponseValidationError"})


class Operations:
    """Completes operations, and keeps an example of every refusal that they name."""

    def __init__(self) -> None:
        self._refusals: set[Refusal] = set()
        # By the names of the refusals that are possible with one status.
        self._responses: Json = {}

    def complete(
        self, operation: Json, method: str, path: str, *, route: route_errors.Part, public: bool
    ) -> None:
        """Say what ``route`` does, who may call it and how it refuses."""
        rights = route_errors.rights_of(route)
        _describe(operation, inspect.getdoc(route) or "", _needs(path, rights, public=public))
        keyed = not public and method not in SAFE and not path.startswith(_UNKEYED)
        if keyed:
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        for parameter in operation.get("parameters", []):
            parameter.setdefault("description", _parameter(parameter["name"]))
        operation["security"] = _security(method, path, public=public)
        if rights:
            operation["x-rights"] = sorted(rights)
        given = set(route_errors.raised_by(route))
        given |= _by_the_way(operation, method, path, public=public, keyed=keyed)
        if not rights & VERIFIED_ONLY and "email_verified" not in inspect.getsource(route):
            given -= {EmailUnverifiedError}
        if path.startswith(OF_OPERATORS):
            given |= set(route_errors.OF_OPERATORS)
        self._refuse(operation, given)

    def components(self) -> Json:
        """The refusals that many operations share, and an example of each refusal."""
        return {
            "responses": dict(sorted(self._responses.items())),
            "examples": {
                _key(error): {"summary": _sentence(error), "value": _body(error)}
                # Two features may call a refusal the same: whose words stand is no chance.
                for error in sorted(self._refusals, key=lambda one: (_key(one), one.__module__))
            },
        }

    def _refuse(self, operation: Json, given: set[Refusal]) -> None:
        responses = operation["responses"]
        for status, response in list(responses.items()):
            # Refusals that Powertools adds by itself; a feature's own words stay.
            if any(name in str(response) for name in NOT_OURS):
                del responses[status]
        if "302" in responses:
            responses["302"] = _AWAY
        if "204" in responses:
            responses["204"] = {"description": "Done; there is nothing to say."}
        self._refusals |= given
        by_status: defaultdict[str, list[Refusal]] = defaultdict(list)
        for error in sorted(given, key=_place):
            by_status[str(int(error.status))].append(error)
        for status, named in by_status.items():
            if status in responses:
                responses[status]["content"] = _response(status, named)["content"]
                continue
            name = ".".join(error.__name__.removesuffix("Error") for error in named)
            self._responses[name] = _response(status, named)
            responses[status] = {"$ref": f"#/components/responses/{name}"}
        operation["responses"] = dict(sorted(responses.items()))


def _by_the_way(
    operation: Json, method: str, path: str, *, public: bool, keyed: bool
) -> set[Refusal]:
    """What the gateway, the authorizer and the door refuse before the route is asked."""
    parameters = {parameter["in"] for parameter in operation.get("parameters", [])}
    given: set[Refusal] = {errors.TooManyRequestsError}
    if not public or method not in SAFE:
        given |= set(route_errors.OF_CALLERS)
    if not public and not path.startswith((_OF_PERSON, *OF_OPERATORS)):
        given |= set(route_errors.OF_MEMBERS)
    if "requestBody" in operation:
        given |= {*route_errors.OF_BODIES, errors.InvalidInputError}
    if parameters:
        given |= {errors.InvalidInputError}
    if "path" in parameters:
        given |= {errors.NotFoundError}
    if "query" in parameters:
        # A cursor that no list gave, an id that is nobody's, a text with NUL.
        given |= {errors.BadRequestError, errors.NotFoundError}
    if keyed:
        given |= set(route_errors.OF_KEYS)
    return given


def _describe(operation: Json, text: str, needs: str) -> None:
    summary, _, rest = text.partition("\n")
    operation["summary"] = summary.strip().removesuffix(".")
    # Sections of the docstring are for its readers in the code.
    paragraphs = [p for p in inspect.cleandoc(rest).split("\n\n") if not _is_section(p)]
    said = [" ".join(p.split()) for p in paragraphs if p]
    operation["description"] = "\n\n".join([*(said or [summary.strip()]), needs])


def _is_section(paragraph: str) -> bool:
    return paragraph.strip().startswith(("Args:", "Raises:", "Returns:", "Yields:"))


def _needs(path: str, rights: frozenset[Right], *, public: bool) -> str:
    if public:
        return "Public: nobody needs to be logged in."
    if path.startswith(OF_OPERATORS):
        return "For operators of the platform, whose e-mail address is verified."
    if not rights:
        return "For everybody who is logged in."
    roles = [role for role in Role if any(right in RIGHTS[role] for right in rights)]
    names = " or ".join(f"`{right}`" for right in sorted(rights))
    verified = "; the caller's e-mail address must be verified" if rights & VERIFIED_ONLY else ""
    return f"Needs the right {names}: {', '.join(roles)}{verified}."


def _security(method: str, path: str, *, public: bool) -> list[Json]:
    if public:
        return []
    # Of OpenAPI 3.1: the roles that a caller must have.
    roles = ["platform_operator"] if path.startswith(OF_OPERATORS) else []
    if method in SAFE:
        return [{"bearer": roles}, {"cookie": roles}]
    return [{"bearer": roles}, {"cookie": roles, "csrf": []}]


def _parameter(name: str) -> str:
    if name in _PARAMETERS:
        return _PARAMETERS[name]
    return f"The {name.removesuffix('_id').replace('_', ' ')}."


def _response(status: str, named: list[Refusal]) -> Json:
    examples = {
        error.__name__.removesuffix("Error"): {"$ref": f"#/components/examples/{_key(error)}"}
        for error in named
    }
    response: Json = {
        "description": _GENERAL[status],
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": examples,
            }
        },
    }
    if status == "429":
        seconds = {"type": "integer", "minimum": 0}
        response["headers"] = {"Retry-After": {"description": "Seconds.", "schema": seconds}}
    return response


def _place(error: Refusal) -> tuple[str, str]:
    """An order that is always the same: two features may have a refusal of one name."""
    return _key(error), error.__module__


def _key(error: Refusal) -> str:
    return f"error.{error.__name__.removesuffix('Error')}"


def _sentence(error: Refusal) -> str:
    return (inspect.getdoc(error) or "").partition("\n")[0]


def _body(error: Refusal) -> Json:
    body: Json = {"error": error.__name__.removesuffix("Error"), "detail": _sentence(error)}
    if error is errors.InvalidInputError:
        body["fields"] = {"name": "String should have at least 1 character"}
    if error is errors.PaymentRequiredError:
        body["fields"] = {"plan": "pro"}
    return body
