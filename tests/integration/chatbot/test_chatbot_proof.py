"""Who let which words go: proven by an exported file alone, also after the fan was forgotten."""

import json

import pytest

from huntaze.domain import erasure
from operations import proof


@pytest.fixture
def exported(scene):
    """Export the proof, page by page, as a file."""

    def export(limit: int = 2) -> str:
        pages, query = [], {"limit": str(limit)}
        while True:
            page = scene.ask("GET", "/proof", query=query).body
            pages.append(json.dumps(page))
            if page["next_cursor"] is None:
                return "\n".join(pages)
            query = {"limit": str(limit), "cursor": page["next_cursor"]}

    return export


@pytest.fixture
def approved(scene):
    """A draft that was edited, approved and delivered."""
    scene.activate()
    scene.configure()
    _, draft = scene.drafted()
    scene.ask("POST", f"/drafts/{draft['id']}/edit", {"text": "Home at last, dear."})
    claim = scene.desk.claim()
    (send,) = scene.sends()
    scene.desk.grant(claim, baseline=send["expected_message_id"])
    scene.desk.confirm(claim, send["id"], "m-delivered")
    # The sweep is everybody's: others may end by it, too.
    assert scene.sweep()["ended"] >= 1
    assert scene.sweep()["ended"] == 0
    return draft


def test_every_text_has_the_hash_that_the_log_says(approved, exported):
    lines = proof.read(exported())
    verdict = proof.verify(lines, lines[-1].hash)
    assert verdict.holds
    assert (verdict.approvals, verdict.proven, verdict.forgotten) == (2, 4, 0)
    approval, settled = (line for line in lines if line.action.startswith("reply."))
    assert (approval.action, settled.action) == ("reply.approved", "reply.settled")
    words = {word.name: word.text for word in (*approval.words, *settled.words)}
    assert words == {
        "draft": approved["text"],
        "sent": "Home at last, dear.\n\nWritten with the help of AI.",
        "disclosure": "Written with the help of AI.",
        "platform_message_id": "m-delivered",
    }
    facts = json.loads(approval.facts)
    assert facts["model"] == approved["model"]
    assert facts["prompt_version"] == approved["prompt_version"]
    assert (facts["edited"], facts["disclosed"]) == (True, True)
    assert json.loads(settled.facts)["state"] == "sent"


def test_a_changed_word_and_a_changed_entry_show(approved, exported):  # noqa: ARG001
    text = exported()
    forged = proof.read(text.replace("Home at last, dear.", "Home at last, love."))
    assert not proof.verify(forged, None).holds
    assert proof.verify(forged, None).chain.intact
    other = proof.read(text.replace("gpt-6-luna", "gpt-6.1-sol"))
    assert not proof.verify(other, None).chain.intact


def test_a_fan_who_is_forgotten_leaves_a_chain_that_verifies(scene, approved, exported):
    with scene.desk.app.transaction() as connection:
        erasure.erase_fan(
            connection, scene.desk.workspace_id, approved["fan_id"], by=scene.desk.user_id
        )
    lines = proof.read(exported())
    verdict = proof.verify(lines, lines[-1].hash)
    assert verdict.holds
    assert (verdict.proven, verdict.forgotten) == (0, 4)
    assert "Home at last" not in exported()
    for table in ("reply_drafts", "chat_contexts", "chat_facts", "reply_tasks", "chat_handovers"):
        assert scene.desk.rows(f"SELECT * FROM {table}") == [], table


def test_the_command_tells_and_fails(approved, exported, tmp_path, capsys):  # noqa: ARG001
    file = tmp_path / "proof.jsonl"
    file.write_text(exported())
    capsys.readouterr()
    assert proof.main([str(file)]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True
    file.write_text(exported().replace("m-delivered", "m-forged"))
    assert proof.main([str(file)]) == 1
    file.write_text("[]")
    assert proof.main([str(file)]) == 2
