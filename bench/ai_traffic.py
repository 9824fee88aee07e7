"""What a labelled day of requests costs: at most 1.1 times the least that it could cost.

python -m bench.ai_traffic [--long]

Every request of ``bench/traffic/day.csv`` goes through the real router and the real ``openai``
package to the stand-in for models, with the real prompts of the agents, in the order and at the
times of the day: books, breakers, kept answers and the stand-in all read the day's clock. The books
are in memory here; those in Postgres follow the same rule of keys and are judged by tests.

The least is: each request by the cheapest tier that its label allows, repeated words never asked
again, and each prefix under one key, so that it is written only when nothing of it was kept. Prices
are read from the catalogue's file and computed here again. ``bench/traffic/README.md`` says where
requests and labels come from. Everything is small enough that ``--long`` is the same.
"""

import argparse
import csv
import json
import logging
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from uuid import UUID

import uvicorn
from pydantic import BaseModel, Field, create_model

from bench.traffic.books import DayAnswers, DayBooks, Open
from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.keys import StageKeys
from huntaze.ai.providers import OpenAiProviders
from huntaze.ai.router import Router, Tools
from huntaze.ai.settings import AiSettings
from huntaze.ids import new_id
from local.model_provider.app import create_app
from local.model_provider.state import State
from local.model_provider.words import tokens
from local.processes import free_port, wait_until

LIMIT, SHARE = 1.1, 0.1
PREMIUM, ECONOMY = "gpt-6.1-sol", "gpt-6-luna"
# As the providers publish it: a prefix is kept in such steps, for so long after it was last used.
_STEP, _KEPT_SECONDS = 128, 600
_DAY = Path(__file__).parent / "traffic" / "day.csv"
_CATALOGUE = Path(ai.__file__).with_name("catalogue.json")
_MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
_WORKSPACE = UUID(int=1)
_AGENTS = {agent.name: agent for agent in agents.AGENTS}
_CLASS = 25


class Asked(BaseModel):
    """One line of the day."""

    second: int
    creator: int
    situation: str
    task: ai.Task
    agent: str
    complexity: int | None
    critical: bool
    new_words: int
    answer_words: int
    words: int
    label: str

    @property
    def needs_premium(self) -> bool:
        """Whether its label forbids the economy tier."""
        return self.label != "ordinary"

    @property
    def tier(self) -> str:
        """The model that its label allows."""
        return PREMIUM if self.needs_premium else ECONOMY


@dataclass(frozen=True)
class Done:
    """What became of one request.

    Args:
        asked: The request.
        tier: That the router chose.
        prefix: Tokens of the prompt that stay the same.
        prompt: All of the prompt's tokens.
        output: The answer's.
        nanos: What the router says that it cost.
    """

    asked: Asked
    tier: ai.Tier
    prefix: int
    prompt: int
    output: int
    nanos: int


class Clock:
    """The day's time, in seconds."""

    def __init__(self) -> None:
        self.second = 0.0

    def now(self) -> datetime:
        """The time of day."""
        return _MIDNIGHT + timedelta(seconds=self.second)


def read_day() -> list[Asked]:
    """The requests, in order."""
    with _DAY.open(encoding="utf-8") as lines:
        rows = [{**row, "complexity": row["complexity"] or None} for row in csv.DictReader(lines)]
    return [Asked.model_validate(row) for row in rows]


@contextmanager
def standing_in(state: State) -> Iterator[str]:
    """Run the stand-in in this process, where the day's clock is; yields its address."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(state=state), port=port, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, 20)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def router(url: str, clock: Clock) -> Router:
    """The router, with books that read the day's clock."""
    settings = AiSettings(
        **dict.fromkeys(("database_host", "database_name", "database_secret_arn"), "unused"),
        **dict.fromkeys(("ai_keys_secret_arn", "circuit_breakers_table"), "unused"),
        database_port=1,
        database_tls="disable",
        ai_cache_table="unused",
        openai_base_url=f"{url}/v1",
        azure_openai_endpoint=url,
    )
    keys = StageKeys(lambda: {"openai": "bench", "azure_openai": "bench"})
    return Router(
        Tools(
            models=ai.catalogue(),
            gateway=OpenAiProviders(settings, keys),
            ledger=DayBooks(lambda: clock.second),
            circuits=Open(),
            answers=DayAnswers(),
            now=clock.now,
            clock=time.monotonic,
            sleep=time.sleep,
            chance=random.random,
            new_id=new_id,
        )
    )


@cache
def shape(words: int) -> type[BaseModel]:
    """An answer of about so many words."""
    return create_model(f"Words{words}", text=(str, Field(min_length=words * 5)))


def voice_of(creator: int) -> agents.Voice:
    """A creator of the day."""
    niches = ("fitness", "cooking", "cosplay", "travel", "music")
    return agents.Voice(
        platform="fan_platform",
        personality=f"Creator {creator}: warm, direct, laughs about herself, writes short.",
        niche=niches[creator % len(niches)],
        forbidden_topics=("politics", "family"),
    )


def run(day: list[Asked]) -> tuple[list[Done], int]:
    """Ask everything; what became of it, and what the stand-in has charged for all."""
    clock = Clock()
    state = State(clock=lambda: clock.second)
    sizes: dict[int, tuple[int, int]] = {}
    done: list[Done] = []
    with standing_in(state) as url:
        writer = router(url, clock)
        for asked in day:
            clock.second = float(asked.second)
            agent = _AGENTS[asked.agent]
            text = " ".join(random.Random(asked.words).choices(_WORDS, k=asked.new_words))
            prompt = agents.prompt_of(agent, asked.task, voice_of(asked.creator), {"text": text})
            answer = writer.generate(
                ai.Request(
                    task=asked.task,
                    workspace_id=_WORKSPACE,
                    agent=asked.agent,
                    output_tokens=3000,
                    creator_id=UUID(int=100 + asked.creator),
                    complexity=asked.complexity,
                    critical=asked.critical,
                ),
                prompt,
                shape(max(1, round(asked.answer_words / _CLASS)) * _CLASS),
            )
            if not answer.cached:
                sizes[asked.words] = (answer.usage.input_tokens, answer.usage.output_tokens)
            done.append(
                Done(
                    *(asked, answer.decision.tier, tokens(prompt.prefix)),
                    *(*sizes[asked.words], answer.cost_nanos),
                )
            )
    charged = sum(
        cost(one.model, one.input_tokens, one.cached_tokens, one.written_tokens, one.output_tokens)
        for one in state.charged
    )
    return done, charged


_WORDS = ("when", "where", "tonight", "photo", "beach", "really", "love", "could", "again", "later")


@cache
def listed(model: str) -> dict[str, Decimal]:
    """List prices of OpenAI's models, from the file itself: nano-dollars for a token."""
    models = json.loads(_CATALOGUE.read_text("utf-8"))["models"]
    usd = next(one["usd"] for one in models if (one["provider"], one["id"]) == ("openai", model))
    return {kind: Decimal(price) * 1000 for kind, price in usd.items()}


def cost(model: str, prompt: int, cached: int, written: int, output: int) -> int:
    """What a call costs, in nano-dollars."""
    price = listed(model)
    plain = prompt - cached - written
    return int(
        plain * price["input"]
        + cached * price["cached_input"]
        + written * price["cache_write"]
        + output * price["output"]
    )


def least(done: list[Done], *, always_kept: bool) -> int:
    """The least that the day could cost.

    Args:
        done: The requests and their sizes.
        always_kept: Whether a prefix is there before it was ever used, and however long ago.
    """
    total, said, used = 0, set(), dict[tuple[int, str, str], int]()
    for one in done:
        asked = one.asked
        if asked.words in said:
            continue
        said.add(asked.words)
        name = (asked.creator, asked.agent, asked.tier)
        whole = one.prefix - one.prefix % _STEP
        before = used.get(name, -_KEPT_SECONDS - 1)
        is_kept = always_kept or asked.second - before <= _KEPT_SECONDS
        used[name] = asked.second
        total += cost(
            *(asked.tier, one.prompt, whole if is_kept else 0, 0 if is_kept else whole),
            one.output,
        )
    return total


def uncached(done: list[Done], *, all_premium: bool) -> int:
    """What the day costs when nothing is ever kept."""
    return sum(
        cost(
            PREMIUM if all_premium or one.tier == ai.Tier.PREMIUM else ECONOMY,
            *(one.prompt, 0, 0, one.output),
        )
        for one in done
    )


def report(done: list[Done], charged: int) -> bool:
    """Print mix, shape and costs; returns whether the figures hold."""
    labels = Counter(one.asked.label for one in done)
    print(f"  {len(done)} requests: {', '.join(f'{n} {name}' for name, n in labels.items())}")
    for task, count in Counter(one.asked.task.value for one in done).most_common():
        of_task = [one for one in done if one.asked.task == task]
        prompt = statistics.median(one.prompt for one in of_task)
        output = statistics.median(one.output for one in of_task)
        print(
            f"    {task:24} {count:5}   median tokens: prompt {prompt:5.0f}, answer {output:4.0f}"
        )
    premium = sum(one.tier == ai.Tier.PREMIUM for one in done) / len(done)
    low = [one for one in done if one.asked.needs_premium and one.tier != ai.Tier.PREMIUM]
    high = [one for one in done if not one.asked.needs_premium and one.tier == ai.Tier.PREMIUM]
    spent = sum(one.nanos for one in done)
    bound = least(done, always_kept=False)
    dearest = uncached(done, all_premium=True)
    for name, nanos in (
        ("all premium, nothing kept", dearest),
        ("routed, nothing kept", uncached(done, all_premium=False)),
        ("the router", spent),
        ("the least", bound),
        ("  every prefix always there", least(done, always_kept=True)),
    ):
        print(f"  {name:28} {nanos / 1e9:9.4f} USD   {nanos / dearest:7.2%} of all premium")
    print(f"  premium: {premium:.1%} of the requests; ordinary ones among them: {len(high)}")
    print("  not shown: how good answers are; what premium models think before they answer costs;")
    print(
        "  whether features tell the router what is hard: labels and what is told have one author"
    )
    print(
        f"ai_traffic: {spent / bound:.3f} x the least, at most {LIMIT};"
        f" {spent / dearest:.1%} of all premium, at most {SHARE:.0%};"
        f" hard or critical requests below premium: {len(low)}, at most 0;"
        f" the books and the stand-in differ by {spent - charged} nano-USD, at most 0"
    )
    is_cheap = spent <= LIMIT * bound and spent <= SHARE * dearest
    return is_cheap and not low and spent == charged


def main() -> int:
    """Run the day; the exit status says whether the figures hold."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="the same")
    options.parse_args()
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        done, charged = run(read_day())
    return 0 if report(done, charged) else 1


if __name__ == "__main__":
    sys.exit(main())
