"""A warm handler that lists 50 of 100 k fans, against the bare SQL: p95 at most three times it.

python -m bench.fan_list [--long] [--seed N]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from bench.scratch import Scratch, scratch_database, seed_fans
from functions.fans import handler as door
from huntaze.ids import new_id

FANS = 100_000
LIMIT = 3.0

# What the list is made of, as one would write it by hand.
BARE = """
  SELECT f.*, c.currency,
         EXISTS (SELECT FROM suppressions x WHERE x.platform_key = f.platform_key) AS suppressed,
         ARRAY(SELECT tag FROM fan_tags t WHERE t.fan_id = f.id ORDER BY tag) AS tags,
         ARRAY(SELECT list_id FROM fan_list_members m WHERE m.fan_id = f.id) AS lists
    FROM (SELECT * FROM fans WHERE creator_id = %s AND erased_at IS NULL
           ORDER BY created_at DESC, id DESC LIMIT 51) f
    JOIN creators c ON c.id = f.creator_id
   ORDER BY f.created_at DESC, f.id DESC
"""


def main() -> int:
    """Measure and compare; the exit status says whether the figure holds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="5,000 calls instead of 500")
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    calls = 5000 if chosen.long else 500
    with scratch_database() as scratch:
        seed_fans(scratch, FANS, chosen.seed)
        listed, bare = _compare(scratch, calls)
    ratio = _p95(listed) / _p95(bare)
    print(f"fan_list: {FANS:,} fans, {calls} calls, seed {chosen.seed}")
    for name, times in (("handler", listed), ("bare SQL", bare)):
        print(f"  {name:9} p50 {statistics.median(times):7.2f} ms   p95 {_p95(times):7.2f} ms")
    print(f"  p95 is {ratio:.2f} x the bare SQL's, at most {LIMIT}")
    return 0 if ratio <= LIMIT else 1


def _compare(scratch: Scratch, calls: int) -> tuple[list[float], list[float]]:
    source = scratch.source()
    setattr(door, "database", lambda: source)  # noqa: B010  (the name is a function to mypy)
    event, context = _event(scratch), _context()
    tenant = scratch.tenant()

    def through_handler() -> int:
        answer = door.handler(event, context)
        assert answer["statusCode"] == 200, answer["body"]
        return len(answer["body"])

    def through_sql() -> int:
        with tenant.transaction() as connection:
            return len(connection.execute(BARE, (scratch.creator_id,)).fetchall())

    assert len(json.loads(door.handler(event, context)["body"])["items"]) == 50
    for _ in range(50):
        through_handler()
        through_sql()
    listed, bare = [], []
    # In turns, so that a noisy moment hits both.
    for _ in range(calls):
        listed.append(_milliseconds(through_handler))
        bare.append(_milliseconds(through_sql))
    return listed, bare


def _milliseconds(call: Callable[[], int]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _event(scratch: Scratch) -> dict[str, Any]:
    path = "/api/crm/fans"
    return {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": {"Accept": "application/json"},
        "multiValueHeaders": {"Accept": ["application/json"]},
        "queryStringParameters": {"limit": "50"},
        "multiValueQueryStringParameters": {"limit": ["50"]},
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": str(new_id()),
            "path": path,
            "httpMethod": "GET",
            "authorizer": {
                "user_id": str(scratch.user_id),
                "workspace_id": str(scratch.workspace_id),
                "session_id": str(new_id()),
                "role": "owner",
                "creators": "*",
                "plan": "trial",
            },
        },
        "body": None,
        "isBase64Encoded": False,
    }


def _context() -> Any:  # noqa: ANN401  (Lambda's own, as far as the handler looks)
    return SimpleNamespace(
        function_name="bench",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:bench",
        aws_request_id=str(new_id()),
    )


if __name__ == "__main__":
    sys.exit(main())
