"""Answers that may be given again: deterministic tasks, the very same words, the same creator.

They are sealed with a key that is made for this workspace and creator from the stage's own secret,
and bound to their question: neither the table nor a backup of it tells what was said, and an answer
that is put elsewhere does not open.
"""

import hashlib
import json
import logging
import os
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huntaze import clients
from huntaze.ai.keys import StageKeys
from huntaze.ai.models import Decision, Prompt, Request

# DynamoDB takes 400 KB an item.
_LONGEST = 100_000
_NONCE_BYTES = 12

log = logging.getLogger(__name__)


class Answers(Protocol):
    """The kept answers, as the router sees them."""

    def find(self, question: str, request: Request, now: datetime) -> str | None:
        """The text that answered this question before."""
        ...

    def keep(
        self, question: str, request: Request, text: str, *, now: datetime, kept_for: timedelta
    ) -> None:
        """Keep a text for whoever asks the same."""
        ...


def question_of(request: Request, decision: Decision, prompt: Prompt, response_format: str) -> str:
    """The name of a question: a hash of everything that the answer depends on, and of its owner."""
    asked = [
        *(str(request.workspace_id), str(request.creator_id), request.agent, request.task),
        *(decision.tier.value, str(request.output_tokens), response_format),
        *(prompt.prefix, prompt.suffix),
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


class DynamoAnswers:
    """Answers in DynamoDB. What cannot be read or kept is asked for again.

    Args:
        table: Its name.
        keys: With the one that seals; without it nothing is kept.
    """

    def __init__(self, table: str, keys: StageKeys) -> None:
        self._table = table
        self._keys = keys

    def find(self, question: str, request: Request, now: datetime) -> str | None:
        """The text that answered this question before."""
        key = self._key(request)
        if key is None:
            return None
        try:
            found = clients.dynamodb().get_item(
                TableName=self._table, Key={"question": {"S": question}}
            )
        except clients.aws_errors():
            log.warning("kept answers cannot be read")
            return None
        item = found.get("Item")
        # DynamoDB removes what has expired within days, not at once.
        if item is None or int(item["expires_at"]["N"]) <= now.timestamp():
            return None
        sealed = bytes(item["sealed"]["B"])
        try:
            text = key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], question.encode())
        except InvalidTag:
            # The stage has another secret by now.
            return None
        return text.decode()

    def keep(
        self, question: str, request: Request, text: str, *, now: datetime, kept_for: timedelta
    ) -> None:
        """Keep a text for whoever asks the same."""
        key = self._key(request)
        if key is None or len(text) > _LONGEST:
            return
        nonce = os.urandom(_NONCE_BYTES)
        try:
            clients.dynamodb().put_item(
                TableName=self._table,
                Item={
                    "question": {"S": question},
                    "workspace_id": {"S": str(request.workspace_id)},
                    "sealed": {"B": nonce + key.encrypt(nonce, text.encode(), question.encode())},
                    "expires_at": {"N": str(int((now + kept_for).timestamp()))},
                },
            )
        except clients.aws_errors():
            log.warning("an answer cannot be kept")

    def _key(self, request: Request) -> AESGCM | None:
        secret = self._keys.of("answers")
        if not secret:
            return None
        owner = f"{request.workspace_id}/{request.creator_id}"
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=owner.encode())
        return AESGCM(derived.derive(secret.encode()))
