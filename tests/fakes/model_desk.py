"""Everything that the router stands on, for real: Postgres, the openai package, breakers, cache."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uvicorn
from pydantic import BaseModel

from huntaze import ai, clients
from huntaze.ai.answers import DynamoAnswers
from huntaze.ai.circuits import DynamoCircuits
from huntaze.ai.keys import StageKeys
from huntaze.ai.ledger import PostgresLedger
from huntaze.ai.providers import OpenAiProviders
from huntaze.ai.router import Router, Tools
from huntaze.ai.settings import AiSettings
from huntaze.db import ConnectionSource
from huntaze.ids import new_id
from local.model_provider.app import create_app
from local.model_provider.state import State
from local.processes import free_port, wait_until

BREAKERS, CACHE = "huntaze-circuit-breakers", "huntaze-ai-cache"
KEYS = {"openai": "sk-test", "azure_openai": "azure-test", "answers": "sealing"}
PREFIX = "You write for a creator. " + "Rules come first. " * 400


class Captions(BaseModel):
    """What the tests ask for."""

    captions: list[str]
    mood: str


@contextmanager
def serving(state: State) -> Iterator[str]:
    """Run the stand-in in this process; yields its address."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(state=state), port=port, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert wait_until(lambda: server.started, 10)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)


def make_tables() -> None:
    """Make the tables."""
    for table, key in ((BREAKERS, "circuit"), (CACHE, "question")):
        clients.dynamodb().create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        )


class ModelDesk:
    """Routers of one workspace, and what they leave behind.

    Args:
        state: What the stand-in knows.
        url: Where it answers.
        source: Lends connections with the role ``app``.
        workspace_id: Whose budget it is.
        creator_id: For whom texts are written.
    """

    def __init__(
        self,
        state: State,
        *,
        url: str,
        source: Callable[[], ConnectionSource],
        workspace_id: UUID,
        creator_id: UUID,
    ) -> None:
        self.state = state
        self.url = url
        self.workspace_id = workspace_id
        self.creator_id = creator_id
        self._source = source

    def tools(self, *, openai_url: str | None = None, azure_url: str | None = None) -> Tools:
        """What a router works with; a provider may be somewhere else."""
        settings = AiSettings(
            database_host="unused",
            database_port=1,
            database_name="unused",
            database_tls="disable",
            database_secret_arn="unused",
            ai_keys_secret_arn="unused",
            circuit_breakers_table=BREAKERS,
            ai_cache_table=CACHE,
            openai_base_url=(openai_url or self.url) + "/v1",
            azure_openai_endpoint=azure_url or self.url,
        )
        keys = StageKeys(lambda: KEYS)
        return Tools(
            models=ai.catalogue(),
            gateway=OpenAiProviders(settings, keys),
            ledger=PostgresLedger(self._source()),
            circuits=DynamoCircuits(BREAKERS),
            answers=DynamoAnswers(CACHE, keys),
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
            sleep=time.sleep,
            chance=lambda: 0.5,
            new_id=new_id,
        )

    def router(self, **tools: Any) -> Router:
        """A router, as one function has it."""
        urls = {name: tools.pop(name) for name in ("openai_url", "azure_url") if name in tools}
        return Router(replace(self.tools(**urls), **tools))

    def asking(self, task: str = ai.Task.CAPTIONS, **more: Any) -> ai.Request:
        """A request of this workspace."""
        given = {"agent": "content", "output_tokens": 200, "creator_id": self.creator_id, **more}
        return ai.Request(task=task, workspace_id=self.workspace_id, **given)

    def prompt(self, words: str = "Three captions for a beach day.") -> ai.Prompt:
        """A prompt with a prefix that providers keep."""
        return ai.Prompt(prefix=PREFIX, suffix=words)
