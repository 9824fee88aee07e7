"""What the router adds to a call: p95 at most 5 ms over the bare ``openai`` call, in the same run.

python -m bench.ai_router [--long]

Both ask the same stand-in, which runs in a process of its own, with the same prompt, one after the
other. The router's part is everything that it does for real: decision, breaker, reserve and
settlement in Postgres with their bill, validation. DynamoDB is moto's, in this process; a function
reads a breaker once a second.

Turns are taken in blocks, and the figure is the median of what the blocks say, so that a noisy
moment spoils one of them. A third in the turn does what nobody could do without who keeps books
around a call: two round trips to the database, of no work at all. Its time is the floor.

Each round trip wakes two processes, and on a busy machine waiting for a processor is longer than
all of the work. There, ``chrt -f 5 python -m bench.ai_router`` measures as if it were idle.
"""

import argparse
import gc
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
_BLOCK, _WARM_UP = 100, 20
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


def floor(scratch: Scratch) -> Callable[[str], object]:
    """Two round trips to the database that do nothing."""
    source = scratch.source()

    def ask(words: str) -> object:
        for _ in range(2):
            with source.connection() as connection:
                connection.execute("SELECT %s::text", (words,)).fetchone()
        return None

    return ask


def measure(asks: dict[str, Callable[[str], object]], rounds: int) -> dict[str, list[float]]:
    """Ask turn by turn, so that a noisy moment hits all alike; milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in asks}
    for number in range(rounds):
        for name, ask in asks.items():
            started = time.perf_counter()
            ask(f"Caption number {number}.")
            times[name].append((time.perf_counter() - started) * 1000)
    return times


def p95(times: list[float]) -> float:
    """The time that one call in twenty takes longer than."""
    return statistics.quantiles(times, n=20)[-1]


def report(blocks: list[dict[str, list[float]]]) -> float:
    """Print what was measured; returns by how much the router's p95 is above the bare call's."""
    for name in blocks[0]:
        taken = [one for block in blocks for one in block[name]]
        print(f"  {name:8} median {statistics.median(taken):6.2f} ms   p95 {p95(taken):6.2f} ms")
    usual = statistics.median(
        with_it - without
        for block in blocks
        for with_it, without in zip(block["router"], block["bare"], strict=True)
    )
    added = sorted(p95(block["router"]) - p95(block["bare"]) for block in blocks)
    print(f"  pair by pair the router takes {usual:.2f} ms more (median)")
    print(f"  p95 by block, ms more: {', '.join(f'{one:.2f}' for one in added)}")
    return statistics.median(added)


def main() -> int:
    """Measure and compare; the exit status says whether the figure holds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="25 blocks instead of 9")
    count = 25 if options.parse_args().long else 9
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    os.environ |= _ENVIRONMENT
    with mock_aws(), scratch_database() as scratch, stand_in() as url:
        clients.dynamodb().create_table(
            TableName=_TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "circuit", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "circuit", "AttributeType": "S"}],
        )
        asks = {"bare": bare(url), "router": routed(scratch, url), "floor": floor(scratch)}
        # The figures that the router publishes would hide ours.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            measure(asks, _WARM_UP)
            # A function has no stand-in for DynamoDB on its heap for the collector to walk.
            gc.collect()
            gc.freeze()
            blocks = [measure(asks, _BLOCK) for _ in range(count)]
    added = report(blocks)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"  load of this machine's {os.cpu_count()} processors: {load}")
    print(
        f"ai_router: {count} blocks of {_BLOCK} calls each;"
        f" p95 is {added:.2f} ms more (median of blocks), at most {LIMIT_MS:g}"
    )
    return 0 if added <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
