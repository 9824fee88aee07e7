"""The mails that the local AWS has accepted: nobody gets them, everybody on this machine reads."""

import re
import time
from typing import Any

import httpx

from local.processes import LocalCloudError

_PATIENCE_SECONDS = 60


class Mailbox:
    """The letter box of everybody.

    Args:
        aws_url: Where the local AWS answers.
    """

    def __init__(self, aws_url: str) -> None:
        self._url = f"{aws_url}/_ministack/ses/messages"

    def messages(self, to: str) -> list[dict[str, Any]]:
        """The mails to an address, oldest first."""
        answer = httpx.get(self._url, timeout=30).json()
        # By account, when there is more than one.
        found = answer["messages"]
        parts = [found] if isinstance(found, list) else found.values()
        return [message for part in parts for message in part if to in message["To"]]

    def token(self, to: str, *, after: int = 0) -> str:
        """Wait for a mail with a link and return its token.

        Args:
            to: The address.
            after: How many mails to it were there before.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            for message in reversed(self.messages(to)[after:]):
                if found := re.search(r"#token=([\w-]+)", message["BodyText"]):
                    return found[1]
            if time.monotonic() > deadline:
                raise LocalCloudError(f"No mail with a link came to {to}: see the log folder.")
            time.sleep(0.2)
