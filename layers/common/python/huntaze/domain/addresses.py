"""E-mail addresses, brought into the one form in which they are stored."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def normalise_email(text: str) -> str:
    """Bring an e-mail address into the form in which it is stored.

    Raises:
        ValueError: It is none that mail could be sent to.
    """
    local, at, domain = text.strip().lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        at = ""
    labels = domain.split(".")
    fits = len(local) <= 64 and len(local) + len(domain) < 254
    if not (
        at
        and fits
        and _LOCAL_PART.fullmatch(local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    ):
        raise ValueError("this is not an e-mail address, such as name@example.com")
    return f"{local}@{domain}"


type Email = Annotated[
    str, StringConstraints(min_length=3, max_length=320), AfterValidator(normalise_email)
]
