"""``python -m operations.audit FILE``: verify an exported audit log, without the database.

    python -m operations.audit audit_log.jsonl --head HEAD
    gzip -dc 0000*-audit_log.jsonl.gz | python -m operations.audit -

FILE holds one entry a line, oldest or newest first, as an export or the route of the audit log
gives them; ``-`` is standard input. HEAD is the last hash, kept apart from the log (``head`` of
the route ``verify``): without it nobody can tell that entries were cut off the end.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from huntaze.domain import audit
from huntaze.domain.audit import Entry, Verdict

_HASHES = ("hash", "previous_hash")


class UnreadableLogError(Exception):
    """The file is no audit log; the text says where."""


def read(lines: Iterable[str]) -> list[Entry]:
    """Read entries, oldest first.

    Raises:
        UnreadableLogError: A line is no entry.
    """
    return sorted(_entries(lines), key=lambda entry: entry.sequence)


def judge(entries: list[Entry], head: str | None) -> Verdict:
    """Verify the chain of one workspace, and its end if that is known.

    Raises:
        UnreadableLogError: The entries are of several workspaces.
    """
    if len({entry.workspace_id for entry in entries}) > 1:
        raise UnreadableLogError("The entries are of several workspaces; verify one at a time.")
    verdict = audit.verify(entries)
    if verdict.intact and head is not None and verdict.head != head:
        end = verdict.entries + 1
        return verdict.model_copy(update={"intact": False, "first_broken": end})
    return verdict


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 is an intact log, 1 a broken one, 2 one that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m operations.audit", description=__doc__)
    parser.add_argument("file", help="the log, or - for standard input")
    parser.add_argument("--head", type=without_prefix, help="the last hash, as it was kept apart")
    parsed = parser.parse_args(arguments)
    try:
        text = sys.stdin.read() if parsed.file == "-" else Path(parsed.file).read_text()
        verdict = judge(read(text.splitlines()), parsed.head)
    except (UnreadableLogError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    told = verdict.model_dump() | {"end_is_proven": verdict.intact and parsed.head is not None}
    print(json.dumps(told, indent=2))
    return 0 if verdict.intact else 1


def _entries(lines: Iterable[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            fields: dict[str, Any] = json.loads(line)
            # An export writes bytes as Postgres does.
            hashes = {name: without_prefix(fields[name]) for name in _HASHES}
            yield Entry.model_validate({**fields, **hashes})
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
            # Without the line itself: it may be of something else altogether.
            raise UnreadableLogError(f"Line {number} is no entry of an audit log.") from None


def without_prefix(text: str) -> str:
    """A hash, without what an export writes before it."""
    return text.removeprefix("\\x")


if __name__ == "__main__":
    sys.exit(main())
