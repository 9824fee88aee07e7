"""Previews of segments, against the same questions in hand-written SQL: at most 1.3 times them.

python -m bench.segment_preview [--long] [--seed N]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from bench.scratch import Scratch, scratch_database, seed_fans
from functions.segments.models import PreviewRequest
from functions.segments.repository import PostgresSegments
from huntaze.db import Tenant
from huntaze.domain.creators import resolve_creator

LIMIT = 1.3

_ACTIVE = {"kind": "text", "field": "status", "values": ["active"]}


class Question(NamedTuple):
    """A segment's rules, and what one would write after ``FROM fans f`` by hand."""

    name: str
    rules: Mapping[str, object]
    by_hand: str


QUESTIONS = [
    Question("active", _ACTIVE, "WHERE f.status = 'active'"),
    Question(
        "active, spent 16 in 30 days",
        {
            "kind": "and",
            "rules": [_ACTIVE, {"kind": "spend", "days": 30, "compare": "gte", "cents": 1600}],
        },
        "JOIN (SELECT fan_id FROM transactions WHERE creator_id = %(creator)s"
        " AND created_at >= now() - interval '30 days' GROUP BY fan_id"
        " HAVING sum(effective_cents) >= 1600) s ON s.fan_id = f.id WHERE f.status = 'active'",
    ),
    Question(
        "spent less than 10 ever",
        {"kind": "spend", "compare": "lt", "cents": 1000},
        "LEFT JOIN (SELECT fan_id, sum(effective_cents) AS cents FROM transactions"
        " WHERE creator_id = %(creator)s GROUP BY fan_id) s ON s.fan_id = f.id"
        " WHERE coalesce(s.cents, 0) < 1000",
    ),
    Question(
        "tagged vip, not English",
        {
            "kind": "and",
            "rules": [
                {"kind": "tags", "match": "any", "tags": ["vip"]},
                {"kind": "not", "rule": {"kind": "text", "field": "language", "values": ["en"]}},
            ],
        },
        "JOIN fan_tags t ON t.fan_id = f.id AND t.creator_id = f.creator_id AND t.tag = 'vip'"
        " WHERE f.language IS DISTINCT FROM 'en'",
    ),
    Question(
        "expiring in 3 days or spent 24 in 90 days",
        {
            "kind": "or",
            "rules": [
                {"kind": "subscription", "state": "expiring", "days": 3},
                {"kind": "spend", "days": 90, "compare": "gte", "cents": 2400},
            ],
        },
        "LEFT JOIN (SELECT fan_id FROM transactions WHERE creator_id = %(creator)s"
        " AND created_at >= now() - interval '90 days' GROUP BY fan_id"
        " HAVING sum(effective_cents) >= 2400) s ON s.fan_id = f.id"
        " WHERE (s.fan_id IS NOT NULL OR f.status = 'active' AND f.expires_at > now()"
        " AND f.expires_at <= now() + interval '3 days')",
    ),
    Question(
        "handle starts with a",
        {"kind": "handle", "match": "starts", "value": "A"},
        "WHERE f.handle_key >= 'a' AND f.handle_key < 'b'",
    ),
]

_OF_CREATOR = " AND f.creator_id = %(creator)s AND f.erased_at IS NULL"


def main() -> int:
    """Measure and compare; the exit status says whether the figure holds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="1 M fans instead of 100 k")
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    count, rounds = (1_000_000, 7) if chosen.long else (100_000, 25)
    print(f"segment_preview: {count:,} fans, {rounds} rounds, seed {chosen.seed}")
    with scratch_database() as scratch:
        seed_fans(scratch, count, chosen.seed)
        ratios = [_compare(scratch, question, rounds) for question in QUESTIONS]
    print(f"  the worst is {max(ratios):.2f} x hand-written SQL, at most {LIMIT}")
    return 0 if max(ratios) <= LIMIT else 1


def _compare(scratch: Scratch, question: Question, rounds: int) -> float:
    store = PostgresSegments(scratch.tenant(), scratch.user_id)
    tenant = scratch.tenant()
    request = PreviewRequest.model_validate({"rules": question.rules})
    count = store.preview(request).count
    by_hand = _by_hand(tenant, question)
    # Time goes on between the two, and fans leave the window.
    other = by_hand()
    assert abs(count - other) <= 5 + count // 1000, f"{question.name}: {count:,} and {other:,}"
    previewed, written = [], []
    # In turns, so that a noisy moment hits both.
    for _ in range(rounds):
        previewed.append(_milliseconds(lambda: store.preview(request).count))
        written.append(_milliseconds(by_hand))
    ours, theirs = statistics.median(previewed), statistics.median(written)
    print(
        f"  {question.name:42} {count:9,} fans   preview {ours:8.1f} ms"
        f"   by hand {theirs:8.1f} ms   {ours / theirs:5.2f} x"
    )
    return ours / theirs


def _by_hand(tenant: Tenant, question: Question) -> Callable[[], int]:
    """Answer what a preview answers: the count and the newest ten with all that hangs on them."""
    meant = question.by_hand + _OF_CREATOR
    sample = (
        "SELECT f.*, c.currency,"
        " EXISTS (SELECT FROM suppressions x WHERE x.platform_key = f.platform_key) AS suppressed,"
        " ARRAY(SELECT tag FROM fan_tags t WHERE t.fan_id = f.id) AS tags,"
        " ARRAY(SELECT list_id FROM fan_list_members m WHERE m.fan_id = f.id) AS lists"
        f" FROM (SELECT f.* FROM fans f {meant} ORDER BY f.created_at DESC, f.id DESC LIMIT 10) f"
        " JOIN creators c ON c.id = f.creator_id"
    )

    def answer() -> int:
        with tenant.transaction() as connection:
            # Neither is told the creator: the workspace's only one is meant.
            values = {"creator": resolve_creator(connection, None)}
            ((count,),) = connection.execute(
                f"SELECT count(*) FROM fans f {meant}", values
            ).fetchall()
            connection.execute(sample, values).fetchall()
        return int(count)

    return answer


def _milliseconds(call: Callable[[], int]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
