"""Every way to bend an exported proof shows, without the database."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from huntaze.domain import proofs
from huntaze.domain.audit import Entry
from operations import proof
from operations.audit import UnreadableLogError

WORKSPACE = UUID(int=1)
SALT = "ab" * 32


@pytest.fixture
def chain() -> Callable[..., list[dict[str, Any]]]:
    """Make the lines of a whole proof, each with one text."""

    def make(*texts: str, workspace: UUID = WORKSPACE) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        previous = "00" * 32
        for number, text in enumerate(texts, 1):
            hashes = {proofs.TEXTS: {"sent": proofs.hash_of(SALT, text)}}
            entry = Entry(
                workspace_id=workspace,
                sequence=number,
                at=f"2026-01-01T00:00:{number:02}Z",
                actor_kind="member",
                actor_id=UUID(int=2),
                action="reply.approved",
                target_kind="reply",
                target_id=UUID(int=number),
                facts=json.dumps(hashes, sort_keys=True, separators=(",", ":")),
                previous_hash=previous,
                hash="",
            )
            previous = entry.computed_hash()
            word = {"target_id": str(entry.target_id), "name": "sent", "salt": SALT, "text": text}
            line = entry.model_dump(mode="json") | {"hash": previous, "words": [word]}
            lines.append(line)
        return lines

    return make


def judged(lines: list[dict[str, Any]], head: str | None = None) -> proof.ProofVerdict:
    """Verify lines as a file holds them."""
    return proof.verify(proof.read("\n".join(map(json.dumps, lines))), head)


def test_a_whole_proof_holds_in_any_order(chain):
    lines = chain("I miss you", "Come and see")
    for told in (lines, lines[::-1]):
        verdict = judged(told, lines[-1]["hash"])
        assert (verdict.holds, verdict.proven, verdict.approvals) == (True, 2, 2)


def test_a_sign_that_moves_into_the_salt_shows(chain):
    """The hash is of salt and text alike: only a salt of its whole length says where one ends."""
    lines = chain("NOT approved: buy this")
    word = lines[0]["words"][0]
    word["salt"] += b"NOT approved: ".hex()
    word["text"] = "buy this"
    assert judged(lines).wrong == [(1, "sent")]


def test_a_word_beside_the_proven_one_shows(chain):
    lines = chain("What was sent")
    forged = lines[0]["words"][0] | {"text": "What was never sent"}
    lines[0]["words"].insert(0, forged)
    assert not judged(lines).holds


def test_a_word_of_another_entry_shows(chain):
    lines = chain("What was sent")
    lines[0]["words"][0]["target_id"] = str(UUID(int=9))
    assert not judged(lines).holds


def test_a_name_that_no_entry_has_shows(chain):
    lines = chain("What was sent")
    lines[0]["words"].append(lines[0]["words"][0] | {"name": "draft"})
    assert judged(lines).wrong == [(1, "draft")]


@pytest.mark.parametrize(
    "bend",
    [
        lambda lines: lines.pop(0),
        lambda lines: lines.pop(1),
        lambda lines: lines.append(lines[0]),
        lambda lines: lines[0].update(actor_id=str(UUID(int=7))),
        lambda lines: lines[1].update(previous_hash="11" * 32),
        lambda lines: lines[0].update(hash="11" * 32),
    ],
    ids=["beginning", "middle", "twice", "approver", "link", "hash"],
)
def test_a_bent_chain_shows(chain, bend):
    lines = chain("One", "Two", "Three")
    bend(lines)
    assert not judged(lines).holds


def test_a_chain_that_was_hashed_anew_or_cut_off_shows_by_its_head(chain):
    head = chain("One", "Two")[-1]["hash"]
    assert judged(chain("One", "Other")).holds
    assert not judged(chain("One", "Other"), head).holds
    assert not judged(chain("One"), head).holds
    assert judged(chain("One", "Two"), head).holds


def test_two_workspaces_are_two_proofs(chain):
    with pytest.raises(UnreadableLogError, match="several workspaces"):
        judged([*chain("One"), *chain("Two", workspace=UUID(int=5))])


@pytest.mark.parametrize("text", ["", "\n\n", '{"items": [], "next_cursor": null}'])
def test_nothing_proves_nothing(tmp_path, text, capsys):
    file = tmp_path / "proof.jsonl"
    file.write_text(text)
    assert proof.main([str(file)]) == 2
    assert "no entry" in capsys.readouterr().err


def test_a_head_may_be_written_as_an_export_writes_it(chain, tmp_path):
    lines = chain("One")
    file = tmp_path / "proof.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    assert proof.main([str(file), "--head", rf"\x{lines[0]['hash']}"]) == 0
    assert proof.main([str(file), "--head", "00"]) == 1


def test_a_page_that_is_missing_shows(chain, tmp_path, capsys):
    file = tmp_path / "proof.jsonl"
    file.write_text(json.dumps({"items": chain("One"), "next_cursor": "more"}))
    assert proof.main([str(file)]) == 2
    assert "last page" in capsys.readouterr().err
