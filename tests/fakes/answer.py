"""What a door answers, read."""

import json
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What API Gateway gets back."""

    status: int
    body: Any
    headers: dict[str, list[str]]

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Answer":
        """Read the event of an answer."""
        text = event["body"]
        headers = event.get("multiValueHeaders", {})
        return cls(event["statusCode"], json.loads(text) if text else None, headers)
