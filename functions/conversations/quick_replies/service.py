"""Rules of quick replies: who may change which, and what they say to a fan."""

import re
from uuid import UUID

from huntaze.domain import compliance
from huntaze.domain.outbound.texts import MAX_TEXT, parse, render
from huntaze.errors import ForbiddenError, InvalidInputError


class TooLongForFanError(InvalidInputError):
    """Filled for this fan, the text is longer than a message may be."""


def check_text(text: str) -> None:
    """Refuse a text that could not be filled for every fan.

    Raises:
        TemplateError: An unknown placeholder, a missing fallback or a stray brace.
    """
    parse(text)


def check_reach(creator_id: UUID | None, *, seen: list[UUID] | None) -> None:
    """Refuse to change for every creator what the caller sees for some only.

    Args:
        creator_id: Whom the quick reply is for; None is every creator.
        seen: Whom the caller sees; None is every creator.

    Raises:
        ForbiddenError: It reaches further than the caller.
    """
    if creator_id is None and seen is not None:
        raise ForbiddenError(
            "This quick reply is for every creator, and you see some only: give creator_id, or ask"
            " somebody who sees every creator."
        )


def fill(text: str, fan: dict[str, str | None], *, platform: str) -> str:
    """What a quick reply says to a fan; without one, what it says to somebody without a name.

    Raises:
        TooLongForFanError: It would be longer than a message may be.
    """
    unfit = re.compile(compliance.unfit_name_pattern(platform)) if fan else compliance.no_name()
    said = render(parse(text), fan, unfit=unfit)
    if len(said) > MAX_TEXT:
        raise TooLongForFanError(
            f"Filled for this fan the text has {len(said)} characters; {MAX_TEXT} may be sent.",
            fields={"quick_reply_id": "too long for this fan"},
        )
    return said
