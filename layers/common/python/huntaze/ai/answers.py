"""Answers that may be given again: deterministic tasks, the very same words, the same creator.

They are sealed like everything personal: with a data key of their own that KMS opens for this
workspace and creator alone, so that neither the table nor a backup of it tells what was said.
"""

import hashlib
import json
import logging
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from huntaze import clients, crypto
from huntaze.ai.models import Decision, Prompt, Request

# DynamoDB takes 400 KB an item.
_LONGEST = 100_000

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
        key_arn: The key that seals them.
    """

    def __init__(self, table: str, key_arn: str) -> None:
        self._table = table
        self._key_arn = key_arn

    def find(self, question: str, request: Request, now: datetime) -> str | None:
        """The text that answered this question before."""
        try:
            found = clients.dynamodb().get_item(
                TableName=self._table, Key={"question": {"S": question}}
            )
            item = found.get("Item")
            # DynamoDB removes what has expired within days, not at once.
            if item is None or int(item["expires_at"]["N"]) <= now.timestamp():
                return None
            return crypto.unseal(
                crypto.Envelope(item["sealed_key"]["B"], item["sealed"]["B"]),
                key_arn=self._key_arn,
                workspace_id=request.workspace_id,
                creator_id=_owner(request),
            ).decode()
        except clients.aws_errors():
            log.warning("a kept answer cannot be read")
            return None

    def keep(
        self, question: str, request: Request, text: str, *, now: datetime, kept_for: timedelta
    ) -> None:
        """Keep a text for whoever asks the same."""
        if len(text) > _LONGEST:
            return
        try:
            envelope = crypto.seal(
                text.encode(),
                key_arn=self._key_arn,
                workspace_id=request.workspace_id,
                creator_id=_owner(request),
            )
            clients.dynamodb().put_item(
                TableName=self._table,
                Item={
                    "question": {"S": question},
                    "workspace_id": {"S": str(request.workspace_id)},
                    "sealed_key": {"B": envelope.sealed_key},
                    "sealed": {"B": envelope.sealed},
                    "expires_at": {"N": str(int((now + kept_for).timestamp()))},
                },
            )
        except clients.aws_errors():
            log.warning("an answer cannot be kept")


def _owner(request: Request) -> UUID:
    """What belongs to no creator is the whole workspace's."""
    return request.creator_id or request.workspace_id
