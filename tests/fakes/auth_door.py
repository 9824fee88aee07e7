"""What the tests of the auth routes share: constants, answers, a clock and a letter box."""

import re
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from functions.notifications.models import Letter

PASSWORD = "correct horse battery"
ORIGIN = "https://app.example.com"


class Answer(NamedTuple):
    """What API Gateway gets back."""

    status: int
    body: Any
    headers: dict[str, list[str]]

    @property
    def cookies(self) -> dict[str, str]:
        """Each Set-Cookie by the name of its cookie."""
        return {line.split("=")[0]: line for line in self.headers.get("Set-Cookie", [])}


class Clock(datetime):
    """The handler's clock, which a test may move."""

    moved = timedelta(0)

    @classmethod
    def now(cls, tz=None):  # noqa: D102
        return datetime.now(tz) + cls.moved


class LetterBox:
    """Takes every letter and keeps it."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.refuses_with: Exception | None = None

    def send(self, letter: Letter, mail_id: UUID) -> str:
        """Keep a letter."""
        if self.refuses_with:
            raise self.refuses_with
        self.letters.append(letter)
        return f"ses-{mail_id}"

    def to(self, email: str) -> list[Letter]:
        """The letters to an address, in order."""
        return [letter for letter in self.letters if letter.to == email]

    def token(self, email: str) -> str:
        """The token of the link in the last letter to an address."""
        found = re.search(r"#token=([\w-]+)", self.to(email)[-1].text)
        assert found, "the last letter holds no link with a token"
        return found[1]
