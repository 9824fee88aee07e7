"""Fifty people at work on one creator's fans: latency of each route at the handler.

python -m bench.load [--long] [--seed N]

Every client is an execution environment of Lambda: a process with a connection of its own that
answers one request at a time. It thinks between two requests as a person does (on average three
seconds), because fifty clients that never think would measure how two cores are shared out. Each
request is made through the handler, and after another pause as bare SQL through psycopg: by hand
where one statement answers it, for a search the very statements that it is made of.

Reads must stay below 200 ms at p95, and a search within three times its bare SQL. Segments over
spending are counted anew at each call; they are printed, and judged by `bench.segment_preview`.
"""

import argparse
import json
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import psycopg

from bench.load_requests import COUNTED_ANEW, READS, Call, Facts, calls, read_facts
from bench.people import seed_people
from bench.scratch import Scratch, scratch_database
from functions.fans import handler as fans_door
from functions.segments import handler as segments_door
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.ids import new_id

CLIENTS = 50
THINKING_SECONDS = 3.0
LIMIT_MS = 200.0
SEARCH_LIMIT = 3.0


class Took(NamedTuple):
    """What a call took, through the handler or as bare SQL."""

    name: str
    bare: bool
    milliseconds: float


def main() -> int:
    """Measure and judge; the exit status says whether the figures hold."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--long", action="store_true", help="1 M fans instead of 100 k")
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    count, seconds = (1_000_000, 240) if chosen.long else (100_000, 45)
    print(
        f"load: {count:,} fans, {CLIENTS} clients for {seconds} s, thinking"
        f" {THINKING_SECONDS:.0f} s between calls, seed {chosen.seed}"
    )
    with scratch_database() as scratch:
        seed_people(scratch, count, chosen.seed)
        took = run(scratch, seconds, chosen.seed)
    return 0 if report(took) else 1


def run(scratch: Scratch, seconds: int, seed: int) -> list[Took]:
    """Let all clients work at once."""
    facts = read_facts(scratch)
    # Forked: an environment's imports are shared, as the memory of two cores demands.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(CLIENTS, mp_context=context) as pool:
        clients = [
            pool.submit(work, scratch, facts, seconds, seed * 1000 + n) for n in range(CLIENTS)
        ]
        return [one for client in clients for one in client.result()]


def work(scratch: Scratch, facts: Facts, seconds: int, seed: int) -> list[Took]:
    """One client: calls and thinks until the time is over."""
    draw = random.Random(seed)
    source = scratch.source()
    tenant = scratch.tenant()
    # The first call opens the connection, and everybody at once would only do that.
    asked = calls(draw, facts)
    _through_handler(scratch, next(asked), source)
    took: list[Took] = []
    time.sleep(draw.uniform(0, THINKING_SECONDS))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        call = next(asked)
        bare = call.bare or _statements_of(scratch, call)
        for is_bare in draw.sample((True, False), 2):
            if is_bare and not bare:
                continue
            started = time.perf_counter()
            if is_bare:
                _through_sql(tenant, bare)
            else:
                _through_handler(scratch, call, source)
            took.append(Took(call.name, is_bare, (time.perf_counter() - started) * 1000))
            time.sleep(draw.expovariate(1 / THINKING_SECONDS))
    return took


def _through_handler(scratch: Scratch, call: Call, source: SingleConnection) -> None:
    door = segments_door if "/segments" in call.path else fans_door
    setattr(door, "database", lambda: source)  # noqa: B010  (the name is a function to mypy)
    answer = door.handler(event_of(scratch, call), _context())
    assert answer["statusCode"] < 300, (call, answer["body"])


def _through_sql(tenant: Tenant, statements: list[tuple[Any, Any]]) -> None:
    with tenant.transaction() as connection:
        for statement, values in statements:
            found = connection.execute(statement, values)
            if found.description is not None:
                found.fetchall()


class _Recorder(psycopg.Cursor[Any]):
    """Writes down what is asked."""

    statements: list[tuple[Any, Any]] | None = None

    def execute(self, query: Any, params: Any = None, **more: Any) -> Any:  # noqa: ANN401
        if self.statements is not None:
            self.statements.append((query, params))
        return super().execute(query, params, **more)


def _statements_of(scratch: Scratch, call: Call) -> list[tuple[Any, Any]]:
    """The statements that answer a search."""
    if not call.name.startswith("search"):
        return []
    with _recorded(scratch) as (source, statements):
        _through_handler(scratch, call, source)
    # The first one sets the tenant, which every transaction does by itself.
    return statements[1:]


@contextmanager
def _recorded(scratch: Scratch) -> Iterator[tuple[SingleConnection, list[tuple[Any, Any]]]]:
    statements: list[tuple[Any, Any]] = []
    recorder = type("Recorder", (_Recorder,), {"statements": statements})

    def connect() -> Connection:
        connection = scratch.connect(scratch.app)
        connection.cursor_factory = recorder
        return connection

    source = SingleConnection(connect)
    try:
        yield source, statements
    finally:
        with source.connection() as connection:
            connection.close()


def event_of(scratch: Scratch, call: Call) -> dict[str, Any]:
    """The event of API Gateway for a call by the owner."""
    query = {name: str(value) for name, value in call.query.items()}
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    return {
        "resource": call.path,
        "path": call.path,
        "httpMethod": call.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {k: [v] for k, v in query.items()} or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": str(new_id()),
            "path": call.path,
            "httpMethod": call.method,
            "authorizer": {
                "user_id": str(scratch.user_id),
                "workspace_id": str(scratch.workspace_id),
                "session_id": str(new_id()),
                "role": "owner",
                "creators": "*",
                "plan": "trial",
            },
        },
        "body": None if call.body is None else json.dumps(call.body),
        "isBase64Encoded": False,
    }


def _context() -> Any:  # noqa: ANN401  (Lambda's own, as far as handlers look)
    return SimpleNamespace(
        function_name="bench",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:bench",
        aws_request_id=str(new_id()),
        get_remaining_time_in_millis=lambda: 30_000,
    )


def report(took: list[Took]) -> bool:
    """Print the figures of each route; return whether they hold."""
    heads = "".join(f"{head:>8}" for head in ("p50", "p95", "p99"))
    print(f"  {'':26}{'calls':>7}{heads}  {heads}   (handler, bare SQL; ms)")
    for name in sorted({one.name for one in took}, key=lambda name: (name not in READS, name)):
        ours, bare = _of(took, name, bare=False), _of(took, name, bare=True)
        line = f"  {name:26} {len(ours):6}" + "".join(f"{at:8.1f}" for at in _figures(ours))
        print(line + ("  " + "".join(f"{at:8.1f}" for at in _figures(bare)) if bare else ""))
    judged = set(READS) - COUNTED_ANEW
    reads = [one.milliseconds for one in took if not one.bare and one.name in judged]
    p95 = _figures(reads)[1]
    print(f"  {len(reads):,} reads but of segments: p95 {p95:.1f} ms, must be below {LIMIT_MS:.0f}")
    searches = [_ratio(took, name) for name in READS if name.startswith("search")]
    worst = max(searches)
    print(f"  the slowest search is {worst:.2f} x its bare SQL at p50, at most {SEARCH_LIMIT}")
    return p95 < LIMIT_MS and worst <= SEARCH_LIMIT


def _of(took: list[Took], name: str, *, bare: bool) -> list[float]:
    return [one.milliseconds for one in took if one.name == name and one.bare is bare]


def _ratio(took: list[Took], name: str) -> float:
    ours, bare = _of(took, name, bare=False), _of(took, name, bare=True)
    return statistics.median(ours) / statistics.median(bare) if ours and bare else 0.0


def _figures(times: list[float]) -> tuple[float, float, float]:
    """Median, p95 and p99."""
    if len(times) < 2:
        times = [*times, *times] or [0.0, 0.0]
    cuts: Callable[[int], list[float]] = lambda n: statistics.quantiles(times, n=n)  # noqa: E731
    return statistics.median(times), cuts(20)[-1], cuts(100)[-1]


if __name__ == "__main__":
    sys.exit(main())
