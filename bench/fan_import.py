"""Importing fans from a CSV file, against COPY of the parsed rows and the same upsert.

The rate must be 0.7 of the yardstick's or better, and memory must not grow with the file.

    python -m bench.fan_import [--long] [--seed N]
"""

import argparse
import csv
import gc
import random
import re
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from bench.scratch import Scratch, scratch_database
from functions.fans.repository import PostgresImports
from functions.fans.rows import FAN_COLUMNS, fan_rows
from functions.fans.service import import_file
from functions.fans.table import read_table
from huntaze.domain.fans import bulk, keyring

LIMIT = 0.7
# What an interpreter's allocator may differ by; a file of the long form has 150 MB.
FLAT_MB = 8
HEADER = [
    *("platform_id", "handle", "display_name", "email", "status", "price_cents", "rebill_on"),
    *("subscribed_at", "expires_at", "last_seen_at", "time_zone", "language", "tags", "notes"),
    *("consent", "source"),
]


def main() -> int:
    """Measure and compare; the exit status says whether the figures hold."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="1 M fans instead of 100 k")
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    count, rounds = (1_000_000, 2) if chosen.long else (100_000, 5)
    print(f"fan_import: {count:,} fans, seed {chosen.seed}")
    with scratch_database() as scratch:
        path = _write_file(scratch.folder / "fans.csv", count, chosen.seed)
        small = _write_file(scratch.folder / "few.csv", count // 4, chosen.seed)
        ratio = _compare(scratch, path, count, rounds)
        few, many = _peak_mb(scratch, small), _peak_mb(scratch, path)
    print(f"  rate is {ratio:.2f} of the yardstick's, at least {LIMIT}")
    print(
        f"  peak memory {few:.1f} MB for a quarter of the rows, {many:.1f} MB for all:"
        f" it may grow by {FLAT_MB}"
    )
    return 0 if ratio >= LIMIT and many - few <= FLAT_MB else 1


def _write_file(path: Path, count: int, seed: int) -> Path:
    draw = random.Random(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def moment() -> str:
        return (start + timedelta(seconds=draw.randrange(10**7))).isoformat()

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for n in range(count):
            writer.writerow(
                [
                    f"u{draw.getrandbits(48):x}-{n}",
                    f"fan_{draw.getrandbits(32):x}",
                    f"Fän Nr. {n}",
                    f"fan{n}@example.com",
                    draw.choice(["active", "expired", "follower"]),
                    draw.choice(["", "999", "1499"]),
                    draw.choice(["true", "false"]),
                    moment(),
                    moment(),
                    moment(),
                    draw.choice(["Europe/Paris", "America/New_York", ""]),
                    draw.choice(["en", "pt-BR", ""]),
                    draw.choice(["", "", "", "vip", "vip|new"]),
                    'says "hello"' if n % 10 == 0 else "",
                    draw.choice(["true", ""]),
                    draw.choice(["", "", "", "promo"]),
                ]
            )
    return path


def _compare(scratch: Scratch, path: Path, count: int, rounds: int) -> float:
    """Import and copy in turns, each into empty tables; return the ratio of their rates."""
    imported, copied = [], []
    for _ in range(rounds):
        copied.append(_copy(scratch, path))
        imported.append(_timed(scratch, lambda: _import(scratch, path, count)))
    for name, seconds in (("import", imported), ("COPY + upsert", copied)):
        best = min(seconds)
        print(f"  {name:14} {best:7.2f} s   {count / best:10,.0f} fans a second")
    # The quietest round of each: other work on the machine only ever adds.
    return min(copied) / min(imported)


def _import(scratch: Scratch, path: Path, count: int) -> None:
    store = PostgresImports(scratch.tenant(), scratch.user_id)
    with path.open("rb") as stream:
        report = import_file("fans", stream, store, creator_id=None, as_format=None)
    assert report.rows_created == count, report


def _copy(scratch: Scratch, path: Path) -> float:
    """Time COPY and upsert alone: the rows are parsed and keyed before the clock starts."""
    tenant = scratch.tenant()
    with tenant.transaction() as connection:
        keys = keyring(connection, scratch.creator_id)
    with path.open("rb") as stream:
        table = read_table(stream, FAN_COLUMNS, _never, as_format=None)
        staged = [(*row, keys.platform_key(row.platform_id)) for row in fan_rows(table, _never)]

    def copy() -> None:
        with tenant.transaction() as connection:
            bulk.open_stage(connection)
            bulk.fill_stage(connection, staged)
            created, _, _ = bulk.merge_stage(connection, scratch.creator_id, with_tags=True)
        assert created == len(staged)

    # A million tuples would be walked again and again while the clock runs.
    gc.freeze()
    try:
        return _timed(scratch, copy)
    finally:
        gc.unfreeze()


def _never(line: int, reason: str) -> None:
    raise AssertionError(f"line {line}: {reason}")


def _timed(scratch: Scratch, work: Callable[[], None]) -> float:
    with scratch.connect(scratch.superuser) as connection:
        connection.execute("TRUNCATE fans, imports CASCADE")
        connection.execute("VACUUM ANALYZE fans")
        connection.execute("CHECKPOINT")
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _peak_mb(scratch: Scratch, path: Path) -> float:
    """Import in a process of its own and return the most memory that it held."""
    _timed(scratch, lambda: None)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_import_and_weigh, scratch, path).result()


def _import_and_weigh(scratch: Scratch, path: Path) -> float:
    store = PostgresImports(scratch.tenant(), scratch.user_id)
    with path.open("rb") as stream:
        import_file("fans", stream, store, creator_id=None, as_format=None)
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
    # Linux lets a child inherit its parent's ru_maxrss; the peak of its own memory is here.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak) / 1024


if __name__ == "__main__":
    sys.exit(main())
