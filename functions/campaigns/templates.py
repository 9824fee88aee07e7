"""Message templates per niche; data that anyone may edit."""

from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from functions.campaigns.models import MessageTemplate
from huntaze.errors import InvalidInputError

_FILE = Path(__file__).with_name("templates.json")


@cache
def templates() -> list[MessageTemplate]:
    """All templates, niche by niche."""
    return TypeAdapter(list[MessageTemplate]).validate_json(_FILE.read_bytes())


def template(template_id: str) -> MessageTemplate:
    """Find one template.

    Raises:
        InvalidInputError: There is none of that id.
    """
    for one in templates():
        if one.id == template_id:
            return one
    raise InvalidInputError(
        "There is no such template; GET /api/marketing/campaigns/templates lists them.",
        fields={"template_id": "unknown"},
    )
