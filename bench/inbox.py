"""The inbox with 100 k conversations: lists, a thread, searches, against the bare SQL.

python -m bench.inbox [--long] [--seed N]

First a warm handler in turns with the bare SQL: lists of 50 may take three times it at p95. Then
fifty clients at once, each a process that thinks between two requests as a person does: reads must
stay below 200 ms at p95.
"""

import argparse
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any

from bench.load import event_of
from bench.load_requests import Call
from bench.scratch import Scratch, scratch_database, seed_fans
from functions.conversations import callers
from functions.conversations import handler as door
from huntaze.ids import new_id

FANS = 100_000
MESSAGES = 3
CLIENTS = 50
THINKING_SECONDS = 3.0
LIMIT = 3.0
LIMIT_MS = 200.0
INBOX = "/api/crm/conversations"

# What a list is made of, as one would write it by hand.
_CARD = """
  SELECT c.*, f.*, k.currency, m.*,
         ARRAY(SELECT label FROM conversation_labels l WHERE l.conversation_id = c.id) AS labels,
         ARRAY(SELECT tag FROM fan_tags t WHERE t.fan_id = f.id) AS tags,
         EXISTS (SELECT FROM suppressions x WHERE x.platform_key = f.platform_key) AS suppressed
    FROM ({}) c JOIN fans f ON f.id = c.fan_id JOIN creators k ON k.id = c.creator_id
    LEFT JOIN messages m ON m.id = c.last_message_id
"""
_OF_CREATOR = "SELECT c.* FROM conversations c WHERE c.creator_id = %(creator)s"
_OPEN = " AND c.state = 'open' AND c.hidden_at IS NULL"
_NEWEST = " AND c.hidden_at IS NULL{} ORDER BY c.moved_at DESC, c.id DESC LIMIT 51"
_VALUE = (
    "SELECT c.* FROM conversations c JOIN fans f ON f.id = c.fan_id AND f.creator_id = c.creator_id"
    " WHERE f.creator_id = %(creator)s AND f.erased_at IS NULL AND c.hidden_at IS NULL"
    " ORDER BY f.value_cents DESC, f.id DESC LIMIT 51"
)
_FOUND = (
    "SELECT m.*, f.handle FROM search_messages(%(q)s, %(creator)s, NULL, NULL, NULL, 51) s"
    " JOIN messages m ON m.id = s.id JOIN conversations c ON c.id = m.conversation_id"
    " JOIN fans f ON f.id = c.fan_id"
)
_THREAD = (
    "SELECT m.*, s.author_id FROM messages m LEFT JOIN sends s ON s.id = m.send_id"
    " WHERE m.conversation_id = %(conversation)s ORDER BY m.sent_at DESC, m.id DESC LIMIT 51"
)


def main() -> int:
    """Measure and judge; the exit status says whether the figures hold."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--long", action="store_true", help="2,000 calls each instead of 200")
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    rounds, seconds = (2000, 240) if chosen.long else (200, 45)
    with scratch_database() as scratch:
        seed_fans(scratch, FANS, chosen.seed)
        _seed_conversations(scratch)
        calls = inbox_calls(scratch)
        print(
            f"inbox: {FANS:,} conversations, {FANS * MESSAGES:,} messages, {rounds} calls each,"
            f" seed {chosen.seed}"
        )
        # Each is measured, whatever the ones before came to.
        judged = [_judge(call, *_compare(scratch, call, rounds)) for call in calls]
        together = _together(scratch, calls, seconds, chosen.seed)
    print(
        f"  {CLIENTS} clients for {seconds} s: {len(together):,} reads,"
        f" p50 {statistics.median(together):.1f} ms, p95 {p95(together):.1f} ms,"
        f" must be below {LIMIT_MS:.0f}"
    )
    return 0 if all(judged) and p95(together) < LIMIT_MS else 1


def _seed_conversations(scratch: Scratch) -> None:
    with scratch.connect(scratch.superuser) as connection:
        connection.execute(
            "INSERT INTO conversations (workspace_id, creator_id, fan_id, state, unread,"
            " waiting_since, answer_from, last_message_at)"
            " SELECT workspace_id, creator_id, id, CASE WHEN bucket % 4 = 0 THEN 'open'"
            " ELSE 'waiting' END, bucket % 3, at, at, created_at"
            "  FROM fans, LATERAL (SELECT CASE WHEN bucket % 4 = 0 THEN created_at END AS at) a"
        )
        connection.execute(
            "INSERT INTO messages (workspace_id, creator_id, conversation_id, fan_id,"
            " platform_message_id, direction, text, sent_at)"
            " SELECT c.workspace_id, c.creator_id, c.id, c.fan_id, c.id || '-' || k,"
            " CASE k %% 2 WHEN 0 THEN 'out' ELSE 'in' END,"
            # A common word, one of a few hundred, and one of the fan's own.
            " 'hello there word' || hashint4(k + (random() * 300)::int) || ' own'"
            "   || substr(md5(c.fan_id::text || k), 1, 6),"
            " c.last_message_at - (%(each)s - k) * interval '3 minutes'"
            "  FROM conversations c, generate_series(1, %(each)s) k",
            {"each": MESSAGES},
        )
        connection.execute(
            "UPDATE conversations c SET last_message_id = m.id FROM messages m"
            f" WHERE m.conversation_id = c.id AND m.platform_message_id = c.id || '-{MESSAGES}'"
        )
        connection.execute("VACUUM (ANALYZE, FULL) conversations, messages")
        connection.execute("VACUUM ANALYZE")


def inbox_calls(scratch: Scratch) -> list[Call]:
    """What somebody asks of an inbox that holds messages; lists come first."""
    with scratch.tenant().transaction() as connection:
        conversation, text = connection.execute(
            "SELECT conversation_id, text FROM messages ORDER BY id LIMIT 1"
        ).fetchone() or ("", "")
    creator: dict[str, object] = {"creator": scratch.creator_id}
    fifty: dict[str, object] = {"limit": 50}
    whose: dict[str, object] = {**fifty, "creator_id": scratch.creator_id}

    def listed(name: str, bare: str, **query: object) -> Call:
        statement = (_CARD.format(bare), creator)
        return Call(f"list {name}", "GET", INBOX, {**whose, **query}, None, [statement])

    def found(name: str, words: str) -> Call:
        path = "/api/messages/search"
        statement = (_FOUND, {**creator, "q": words})
        return Call(f"search {name}", "GET", path, {**whose, "q": words}, None, [statement])

    to_answer = _OPEN + " AND c.answer_from IS NOT NULL ORDER BY c.answer_from, c.id LIMIT 51"
    open_ones = _NEWEST.format(" AND c.state = 'open'")
    unread = _NEWEST.format(" AND c.unread > 0")
    thread = (_THREAD, {"conversation": conversation})
    return [
        listed("newest", _OF_CREATOR + _NEWEST.format("")),
        listed("open", _OF_CREATOR + open_ones, state="open"),
        listed("unread", _OF_CREATOR + unread, unread="true"),
        listed("to answer", _OF_CREATOR + to_answer, sort="to_answer"),
        listed("by value", _VALUE, sort="value"),
        Call("thread", "GET", f"{INBOX}/{conversation}/messages", fifty, None, [thread]),
        found("rare word", str(text).rpartition(" ")[2]),
        found("common word", "hello"),
    ]


def _compare(scratch: Scratch, call: Call, rounds: int) -> tuple[list[float], list[float]]:
    through_handler, through_sql = pair(scratch, call)
    ours, bare = [], []
    for _ in range(20):
        through_handler()
        through_sql()
    # In turns, so that a noisy moment hits both.
    for _ in range(rounds):
        ours.append(milliseconds(through_handler))
        bare.append(milliseconds(through_sql))
    return ours, bare


def pair(scratch: Scratch, call: Call) -> tuple[Callable[[], int], Callable[[], int]]:
    """Make a call by both ways: through a warm handler, and as bare SQL through psycopg."""
    through_handler = _asker(scratch, call)
    tenant = scratch.tenant()

    def through_sql() -> int:
        with tenant.transaction() as connection:
            ((statement, values),) = call.bare
            return len(connection.execute(statement.encode(), values).fetchall())

    assert through_sql() > 0, call.name
    return through_handler, through_sql


def _asker(scratch: Scratch, call: Call) -> Callable[[], int]:
    source = scratch.source()
    event = event_of(scratch, call)

    def ask() -> int:
        setattr(callers, "database", lambda: source)  # noqa: B010  (the name is a function to mypy)
        answer = door.handler(event, _context())
        assert answer["statusCode"] == 200, (call, answer["body"])
        return len(answer["body"])

    assert ask() > 0, call.name
    return ask


def _judge(call: Call, ours: list[float], bare: list[float]) -> bool:
    ratio = p95(ours) / p95(bare)
    judged = call.name.startswith("list")
    print(
        f"  {call.name:20} p50 {statistics.median(ours):6.2f}  p95 {p95(ours):6.2f} ms"
        f"   bare p50 {statistics.median(bare):6.2f}  p95 {p95(bare):6.2f} ms   {ratio:.2f} x"
        + (f", at most {LIMIT}" if judged else "")
    )
    return not judged or ratio <= LIMIT


def _together(scratch: Scratch, calls: list[Call], seconds: int, seed: int) -> list[float]:
    # Forked: an environment's imports are shared, as the memory of two cores demands.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(CLIENTS, mp_context=context) as pool:
        clients = [
            pool.submit(_work, scratch, calls, seconds, seed * 1000 + n) for n in range(CLIENTS)
        ]
        return [one for client in clients for one in client.result()]


def _work(scratch: Scratch, calls: list[Call], seconds: int, seed: int) -> list[float]:
    draw = random.Random(seed)
    source = scratch.source()
    setattr(callers, "database", lambda: source)  # noqa: B010
    events = [event_of(scratch, call) for call in calls]
    # The first call opens the connection, and everybody at once would only do that.
    door.handler(draw.choice(events), _context())
    took = []
    time.sleep(draw.uniform(0, THINKING_SECONDS))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        event = draw.choice(events)
        took.append(milliseconds(partial(door.handler, event, _context())))
        time.sleep(draw.expovariate(1 / THINKING_SECONDS))
    return took


def milliseconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def p95(times: list[float]) -> float:
    """What 95 of 100 do not exceed."""
    return statistics.quantiles(times, n=20)[-1]


def _context() -> Any:  # noqa: ANN401  (Lambda's own, as far as the handler looks)
    return SimpleNamespace(
        function_name="bench",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:bench",
        aws_request_id=str(new_id()),
        get_remaining_time_in_millis=lambda: 30_000,
    )


if __name__ == "__main__":
    sys.exit(main())
