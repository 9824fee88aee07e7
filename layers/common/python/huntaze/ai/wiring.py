"""The router of a function, as its environment describes it."""

import random
import time
from datetime import UTC, datetime
from functools import cache

from pydantic import BaseModel

from huntaze import clients
from huntaze.ai.answers import DynamoAnswers
from huntaze.ai.catalogue import catalogue
from huntaze.ai.circuits import DynamoCircuits
from huntaze.ai.keys import StageKeys
from huntaze.ai.ledger import PostgresLedger
from huntaze.ai.models import Answer, Prompt, Request, Writer
from huntaze.ai.preferences import PostgresPreferences
from huntaze.ai.providers import OpenAiProviders
from huntaze.ai.router import Router, Tools
from huntaze.ai.settings import AiSettings
from huntaze.db import SingleConnection, connect, outside_of_transaction
from huntaze.ids import new_id
from huntaze.settings import load


class OutsideWriter:
    """A writer that works while the transaction around its request is left.

    Args:
        inner: Who answers.
    """

    def __init__(self, inner: Writer) -> None:
        self._inner = inner

    def generate[O: BaseModel](
        self, request: Request, prompt: Prompt, output: type[O]
    ) -> Answer[O]:
        """Have a model work on ``prompt``; see `Writer.generate`."""
        with outside_of_transaction():
            return self._inner.generate(request, prompt, output)


@cache
def writer() -> Writer:
    """The router of this function; its books have a connection of their own."""
    settings = load(AiSettings)
    keys = StageKeys(lambda: clients.secret_json(settings.ai_keys_secret_arn))
    books = SingleConnection(lambda: connect(settings))
    router = Router(
        Tools(
            models=catalogue(),
            gateway=OpenAiProviders(settings, keys),
            ledger=PostgresLedger(books),
            circuits=DynamoCircuits(settings.circuit_breakers_table),
            answers=DynamoAnswers(settings.ai_cache_table, keys),
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
            sleep=time.sleep,
            chance=random.random,
            new_id=new_id,
            preferences=PostgresPreferences(books),
        )
    )
    return OutsideWriter(router)


def generate[O: BaseModel](request: Request, prompt: Prompt, output: type[O]) -> Answer[O]:
    """Have a model work on ``prompt``; its answer is an ``output``. See `Writer.generate`."""
    return writer().generate(request, prompt, output)
