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
from huntaze.ai.providers import OpenAiProviders
from huntaze.ai.router import Router, Tools
from huntaze.ai.settings import AiSettings
from huntaze.db import SingleConnection, connect
from huntaze.ids import new_id
from huntaze.settings import load


@cache
def writer() -> Writer:
    """The router of this function; its books have a connection of their own."""
    settings = load(AiSettings)
    keys = StageKeys(lambda: clients.secret_json(settings.ai_keys_secret_arn))
    return Router(
        Tools(
            models=catalogue(),
            gateway=OpenAiProviders(settings, keys),
            ledger=PostgresLedger(SingleConnection(lambda: connect(settings))),
            circuits=DynamoCircuits(settings.circuit_breakers_table),
            answers=DynamoAnswers(settings.ai_cache_table, keys),
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
            sleep=time.sleep,
            chance=random.random,
            new_id=new_id,
        )
    )


def generate[O: BaseModel](request: Request, prompt: Prompt, output: type[O]) -> Answer[O]:
    """Have a model work on ``prompt``; its answer is an ``output``. See `Writer.generate`."""
    return writer().generate(request, prompt, output)
