"""The JSON schema that a model's answer must follow, as providers enforce it."""

import json
from functools import cache
from typing import Any

from pydantic import BaseModel

# Words that say nothing of what is allowed; fewer tokens, and a default would make it optional.
_LEFT_OUT = {"title", "default"}


@cache
def response_format(output: type[BaseModel]) -> str:
    """The parameter ``response_format``, as JSON; byte-identical for the same model."""
    return json.dumps(
        {
            "type": "json_schema",
            "json_schema": {
                "name": output.__name__[:64],
                "strict": True,
                "schema": _strict(output.model_json_schema()),
            },
        },
        sort_keys=True,
    )


def _strict(node: Any) -> Any:  # noqa: ANN401  (any JSON)
    """Providers guarantee a schema only if every object names all of its fields."""
    if isinstance(node, list):
        return [_strict(part) for part in node]
    if not isinstance(node, dict):
        return node
    kept = {
        # Below `properties` and `$defs` the names are ours, not the schema's.
        name: {inner: _strict(of) for inner, of in part.items()}
        if name in {"properties", "$defs"}
        else _strict(part)
        for name, part in node.items()
        if name not in _LEFT_OUT
    }
    if kept.get("type") == "object" and "properties" in kept:
        kept["required"] = sorted(kept["properties"])
        kept["additionalProperties"] = False
    return kept
