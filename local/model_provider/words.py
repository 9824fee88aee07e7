"""Answers that follow a JSON schema, the same for the same seed; and how many tokens words are."""

import json
import random
import re
from typing import Any

_WORDS = (
    *("sunny", "little", "secret", "golden", "quiet", "wild", "velvet", "early", "soft", "bright"),
    *("morning", "story", "moment", "weekend", "surprise", "picture", "dance", "smile", "journey"),
    *("for", "with", "about", "before", "after", "just", "only", "always", "again", "together"),
)
# About what tokenizers make of a text; never more than it has bytes.
_PIECES = re.compile(r"\w{1,8}|[^\w\s]")
_MOST_ITEMS = 3


def tokens(text: str) -> int:
    """How many tokens a text is."""
    return len(_PIECES.findall(text))


class Speaker:
    """Says what fits a schema.

    Args:
        seed: Everything that is said follows from it.
    """

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def answer(self, schema: dict[str, Any] | None) -> str:
        """A text: JSON of the schema, or a sentence where there is none."""
        if schema is None:
            return self._sentence(12)
        return json.dumps(self._value(schema, schema.get("$defs", {})))

    def _value(self, node: dict[str, Any], defs: dict[str, Any]) -> Any:  # noqa: ANN401  (JSON)
        """Something that fits one part of a schema."""
        several = next((node[name] for name in ("anyOf", "oneOf", "allOf") if name in node), None)
        if "$ref" in node:
            value = self._value(defs[node["$ref"].rpartition("/")[2]], defs)
        elif several:
            value = self._value(several[0], defs)
        elif "const" in node:
            value = node["const"]
        elif "enum" in node:
            value = self._random.choice(node["enum"])
        elif node.get("type") == "object":
            fields = node.get("properties", {})
            value = {name: self._value(inner, defs) for name, inner in fields.items()}
        elif node.get("type") == "array":
            least = node.get("minItems", 1)
            count = max(least, min(_MOST_ITEMS, node.get("maxItems", _MOST_ITEMS)))
            value = [self._value(node.get("items", {}), defs) for _ in range(count)]
        else:
            value = self._plain(node)
        return value

    def _plain(self, node: dict[str, Any]) -> str | int | bool | None:
        match node.get("type"):
            case "boolean":
                return True
            case "integer" | "number":
                return self._number(node)
            case "null":
                return None
        return self._text(node)

    def _number(self, node: dict[str, Any]) -> int:
        least = node.get("minimum", node.get("exclusiveMinimum", 0) + 1)
        most = node.get("maximum", least + 9)
        return self._random.randint(int(least), max(int(least), int(most)))

    def _text(self, node: dict[str, Any]) -> str:
        text = self._sentence(8)
        while len(text) < node.get("minLength", 0):
            text += " " + self._sentence(8)
        return text[: node.get("maxLength", len(text))].strip() or "yes"

    def _sentence(self, count: int) -> str:
        words = [self._random.choice(_WORDS) for _ in range(count)]
        return " ".join(words).capitalize() + "."
