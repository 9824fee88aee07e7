"""What the router adds to a call: p95 at most 5 ms over the bare ``openai`` call, in the same run.

python -m bench.ai_router [--long]

Both ask the same stand-in, which runs in a process of its own, with the same prompt, one after the
other. The router's part is everything that it does for real: decision, breaker, reserve and
settlement in Postgres with their bill, validation. DynamoDB is moto's, in this process; a function
reads a breaker once a second.
"""

import argparse
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import openai
from moto import mock_aws
from pydantic import BaseModel

from bench.scratch import Scratch, scratch_database
from huntaze import ai, clients
from huntaze.ai.answers import DynamoAnswers
from huntaze.ai.circuits import DynamoCircuits
from huntaze.ai.keys import StageKeys
from huntaze.ai.ledger import PostgresLedger
from huntaze.ai.providers import OpenAiProviders
from huntaze.ai.router import Router, Tools
from huntaze.ai.schemas import response_format
from huntaze.ai.settings import AiSettings
from huntaze.ids import new_id
from local.processes import free_port, port_is_free, wait_until

LIMIT_MS = 5.0
_TABLE = "huntaze-circuit-breakers"
_PREFIX = "You write for a creator. " + "Rules come first. " * 400
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Captions(BaseModel):
    """What is asked for."""

    captions: list[str]
    mood: str


@contextmanager
def stand_in() -> Iterator[str]:
    """Run the stand-in for models in a process of its own; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "local.model_provider", "--port", str(port)]
    server = subprocess.Popen(command)
    try:
        wait_until(lambda: not port_is_free(port), 20)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def router(scratch: Scratch, url: str) -> Router:
    """The router as a function has it."""
    settings = AiSettings(
        **dict.fromkeys(("database_host", "database_name", "database_secret_arn"), "unused"),
        database_port=1,
        database_tls="disable",
        ai_keys_secret_arn="unused",  # noqa: S106  (no secret)
        circuit_breakers_table=_TABLE,
        ai_cache_table="unused",
        openai_base_url=f"{url}/v1",
        azure_openai_endpoint=url,
    )
    keys = StageKeys(lambda: {"openai": "bench", "azure_openai": "bench"})
    return Router(
        Tools(
            models=ai.catalogue(),
            gateway=OpenAiProviders(settings, keys),
            ledger=PostgresLedger(scratch.source()),
            circuits=DynamoCircuits(_TABLE),
            answers=DynamoAnswers("unused", keys),
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
            sleep=time.sleep,
            chance=random.random,
            new_id=new_id,
        )
    )


def bare(url: str) -> Callable[[str], object]:
    """The same question by the package alone."""
    client = openai.OpenAI(api_key="bench", base_url=f"{url}/v1")
    shape = json.loads(response_format(Captions))

    def ask(words: str) -> object:
        return client.chat.completions.create(
            model="gpt-6-luna",
            messages=[
                {"role": "system", "content": _PREFIX},
                {"role": "user", "content": words},
            ],
            response_format=shape,
            max_completion_tokens=200,
            reasoning_effort="none",
        )

    return ask


def routed(scratch: Scratch, url: str) -> Callable[[str], object]:
    """The question by the router."""
    writer = router(scratch, url)

    def ask(words: str) -> object:
        request = ai.Request(
            task=ai.Task.CAPTIONS,
            workspace_id=scratch.workspace_id,
            creator_id=scratch.creator_id,
            agent="content",
            output_tokens=200,
        )
        return writer.generate(request, ai.Prompt(prefix=_PREFIX, suffix=words), Captions)

    return ask


def measure(asks: dict[str, Callable[[str], object]], rounds: int) -> dict[str, list[float]]:
    """Ask turn by turn, so that a noisy moment hits all alike; milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in asks}
    for number in range(-20, rounds):
        for name, ask in asks.items():
            started = time.perf_counter()
            ask(f"Caption number {number}.")
            if number >= 0:
                times[name].append((time.perf_counter() - started) * 1000)
    return times


def p95(times: list[float]) -> float:
    """The time that one call in twenty takes longer than."""
    return statistics.quantiles(times, n=20)[-1]


def main() -> int:
    """Measure and compare; the exit status says whether the figure holds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="2,000 rounds instead of 400")
    rounds = 2000 if options.parse_args().long else 400
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    os.environ |= _ENVIRONMENT
    with mock_aws(), scratch_database() as scratch, stand_in() as url:
        clients.dynamodb().create_table(
            TableName=_TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "circuit", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "circuit", "AttributeType": "S"}],
        )
        # The figures that the router publishes would hide ours.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            times = measure({"bare": bare(url), "router": routed(scratch, url)}, rounds)
    for name, taken in times.items():
        print(f"  {name:8} median {statistics.median(taken):6.2f} ms   p95 {p95(taken):6.2f} ms")
    added = p95(times["router"]) - p95(times["bare"])
    print(f"ai_router: {rounds} calls each; p95 is {added:.2f} ms more, at most {LIMIT_MS:g}")
    return 0 if added <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
