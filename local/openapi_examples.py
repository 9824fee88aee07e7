"""Examples of the bodies in the OpenAPI document.

What a request says best is written by hand (``openapi_examples.json``, by the name of its shape, or
by its path where one shape is for several things);
everything else is made from the shapes, with typical values by the name of the property. A test
holds each example against its shape, and sends each request's to its route.
"""

import json
from pathlib import Path
from typing import Any

type Json = dict[str, Any]

_TYPICAL: Json = json.loads(Path(__file__).with_suffix(".json").read_text())
_OF_FORMAT = {
    "uuid": "01920000-0000-7000-8000-000000000009",
    "date-time": "2026-03-01T18:30:00Z",
    "date": "2026-03-01",
    "email": "ada@example.com",
    "uri": "https://example.com/",
}
_MOST_DEEP = 8


class Examples:
    """Makes examples, and keeps one for each named shape.

    Args:
        schemas: The shapes of the document by name.
    """

    def __init__(self, schemas: Json) -> None:
        self._schemas = schemas
        self.kept: Json = {}

    def add(self, content: Json, *, of_request: bool, path: str = "") -> None:
        """Give an example to a body of JSON that has none."""
        media = content.get("application/json")
        if media is None or "example" in media or "examples" in media:
            return
        if of_request and path in _TYPICAL["requests"]:
            media["example"] = _TYPICAL["requests"][path]
            return
        name = _name(media["schema"])
        if name is None:
            media["example"] = self._of(media["schema"], of_request=of_request)
            return
        key = f"{name}Request" if of_request else name
        if key not in self.kept:
            self.kept[key] = {"value": self._of(media["schema"], of_request=of_request)}
        media["examples"] = {"typical": {"$ref": f"#/components/examples/{key}"}}

    def sentence(self, content: Json) -> str:
        """What the body of an answer is, in the words of its shape."""
        name = _name(content.get("application/json", {}).get("schema", {}))
        said = str(self._schemas[name].get("description", "")) if name else ""
        return said.partition("\n")[0] or "What was asked for."

    def _of(self, schema: Json, *, of_request: bool, property_name: str = "", deep: int = 0) -> Any:  # noqa: ANN401 - an example is of any kind
        """An example of one shape, or of one part of one."""
        inner = _inner(schema)
        name = _name(schema)
        if of_request and name in _TYPICAL["requests"]:
            return _TYPICAL["requests"][name]
        if name is not None:
            inner = self._schemas[name]
        elif property_name in _TYPICAL["properties"] and self._fits(schema, property_name):
            return _TYPICAL["properties"][property_name]
        if inner is not None:
            return self._of(inner, of_request=of_request, property_name=property_name, deep=deep)
        for known in ("const", "default"):
            if schema.get(known) is not None:
                return schema[known]
        return self._plain(schema, of_request=of_request, deep=deep)

    def _plain(self, schema: Json, *, of_request: bool, deep: int) -> Any:  # noqa: ANN401
        kind = schema.get("type")
        if "enum" in schema:
            example: Any = schema["enum"][0]
        elif kind == "object":
            told = schema.get("properties", {})
            # A request says what it must; an answer says everything.
            names = schema.get("required", []) if of_request else told
            example = {
                name: self._of(told[name], of_request=of_request, property_name=name, deep=deep + 1)
                for name in names
            }
        elif kind == "array":
            items = schema.get("items", {})
            example = [self._of(items, of_request=of_request, deep=deep + 1)]
            example = [] if deep > _MOST_DEEP else example
        elif kind in ("integer", "number"):
            example = max(schema.get("minimum", 0), min(schema.get("maximum", 1), 1))
        elif kind in ("boolean", "null"):
            example = kind == "boolean" or None
        else:
            example = _OF_FORMAT.get(schema.get("format", ""), "text")
        return example

    def _fits(self, schema: Json, property_name: str) -> bool:
        """Whether the typical value of a property is of the kind that a shape takes."""
        kinds = {
            str: "string",
            bool: "boolean",
            int: "integer",
            list: "array",
            dict: "object",
        }
        kind = kinds[type(_TYPICAL["properties"][property_name])]
        return kind in self._kinds(schema, property_name)

    def _kinds(self, schema: Json, property_name: str) -> set[str]:
        name = _name(schema)
        if name is not None:
            return self._kinds(self._schemas[name], property_name)
        if "enum" in schema or "const" in schema:
            value = _TYPICAL["properties"][property_name]
            return {str(schema.get("type"))} if value in schema.get("enum", ()) else set()
        if schema.get("type") == "array" and schema["items"].get("$ref"):
            shape = self._schemas[_name(schema["items"]) or ""]
            return {"array"} if shape.get("type") == "string" else set()
        inner = [one for kind in ("anyOf", "oneOf") for one in schema.get(kind, [])]
        kinds = {kind for one in inner for kind in self._kinds(one, property_name)}
        return kinds | {str(schema.get("type"))}


def _inner(schema: Json) -> Json | None:
    """The first of several shapes that are possible."""
    several: list[Json] = next((schema[k] for k in ("anyOf", "oneOf", "allOf") if k in schema), [])
    return several[0] if several else None


def _name(schema: Json) -> str | None:
    prefix, _, name = str(schema.get("$ref", "")).rpartition("/")
    return name if prefix == "#/components/schemas" else None
