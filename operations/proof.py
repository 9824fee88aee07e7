"""``python -m operations.proof FILE``: verify exported approvals, without the database.

    python -m operations.proof proof.jsonl --head HEAD

FILE holds what ``GET /api/chatbot/proof`` gives, one entry of the audit log a line with the words
behind its hashes, or whole pages of it; ``-`` is standard input. The chain must be whole, and each
text must have the hash that its entry says; texts that were forgotten are counted, and their hashes
stay unproven. HEAD is the last hash, kept apart: without it nobody can tell that entries were cut
off the end.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from huntaze.domain import audit, proofs
from huntaze.domain.proofs import ProofLine
from operations.audit import UnreadableLogError, judge, without_prefix


class ProofVerdict(BaseModel):
    """What can be said of a proof.

    Args:
        chain: Of the log.
        approvals: Entries that have texts.
        proven: Texts that have the hash of their entry.
        forgotten: Texts that are gone, with their salts.
        wrong: Texts that have another hash, or that no entry speaks of: sequence and name.
    """

    chain: audit.Verdict
    approvals: int
    proven: int
    forgotten: int
    wrong: list[tuple[int, str]]

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return self.chain.intact and not self.wrong


def read(text: str) -> list[ProofLine]:
    """Read lines or pages, oldest first.

    Raises:
        UnreadableLogError: Something is neither, there is nothing, or the last page is missing.
    """
    ends: list[bool] = []
    lines = sorted(_lines(text.splitlines(), ends), key=lambda line: line.sequence)
    if not lines:
        raise UnreadableLogError("There is no entry: nothing is proven.")
    if ends and not any(ends):
        raise UnreadableLogError("The last page is missing: the others say that more follows.")
    return lines


def verify(lines: list[ProofLine], head: str | None) -> ProofVerdict:
    """Verify the chain, and each text against its entry.

    Raises:
        UnreadableLogError: The entries are of several workspaces.
    """
    approvals = proven = forgotten = 0
    wrong: list[tuple[int, str]] = []
    for line in lines:
        hashes = proofs.hashes_in(line)
        approvals += bool(hashes)
        told = {word.name: word for word in line.words}
        # Whoever reads the file must not read a word beside the one that is proven.
        wrong += [(line.sequence, name) for name in told if name not in hashes]
        wrong += [
            (line.sequence, word.name)
            for word in line.words
            if word is not told[word.name] or word.target_id != line.target_id
        ]
        for name, hashed in hashes.items():
            word = told.get(name)
            if word is None or word.salt is None or word.text is None:
                forgotten += 1
            elif _hash(word.salt, word.text) == hashed:
                proven += 1
            else:
                wrong.append((line.sequence, name))
    return ProofVerdict(
        chain=judge(list(lines), head),
        approvals=approvals,
        proven=proven,
        forgotten=forgotten,
        wrong=wrong,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 is a proof that holds, 1 one that does not, 2 one that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m operations.proof", description=__doc__)
    parser.add_argument("file", help="the proof, or - for standard input")
    parser.add_argument("--head", type=without_prefix, help="the last hash, as it was kept apart")
    parsed = parser.parse_args(arguments)
    try:
        text = sys.stdin.read() if parsed.file == "-" else Path(parsed.file).read_text()
        verdict = verify(read(text), parsed.head)
    except (UnreadableLogError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    told = verdict.model_dump() | {"holds": verdict.holds}
    told["end_is_proven"] = verdict.chain.intact and parsed.head is not None
    print(json.dumps(told, indent=2))
    return 0 if verdict.holds else 1


def _hash(salt: str, text: str) -> str | None:
    try:
        return proofs.hash_of(salt, text)
    except ValueError:
        return None


def _lines(lines: Iterable[str], ends: list[bool]) -> Iterator[ProofLine]:
    """The entries of lines and pages; of each page it is noted whether it is the last one."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            said: dict[str, Any] = json.loads(line)
            if "items" in said:
                ends.append(said.get("next_cursor") is None)
            for item in said.get("items", [said]):
                yield ProofLine.model_validate(item)
        except (ValueError, AttributeError, TypeError, ValidationError):
            # Without the line itself: it may be of something else altogether.
            raise UnreadableLogError(f"Line {number} is no entry of a proof.") from None


if __name__ == "__main__":
    sys.exit(main())
