"""Who let which words of a model go to many, proven by an exported file alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from functions.campaigns.drafting import Authored, create
from functions.campaigns.models import CampaignDraft
from functions.campaigns.repository import PostgresCampaigns
from functions.campaigns.tasks import handler as tasks
from functions.chatbot.proof import PostgresProof
from huntaze.domain import ai_configs
from huntaze.domain.proofs import ProofLine
from huntaze.ids import new_id
from operations import proof
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk

TEXTS = [f"{text} Written with AI." for text in ("New set tonight!", "Guess what is new?")]


@pytest.fixture
def written(desk: Desk) -> str:
    """A campaign that models wrote, up for approval."""
    with desk.app.transaction() as connection:
        config = ai_configs.AiConfigDraft(personality="Dry", disclosure="Written with AI.")
        ai_configs.save(connection, desk.creator_id, config, by=desk.user_id)
        campaign_id, generation_id = new_id(), new_id()
        connection.execute(
            "INSERT INTO ai_generations (workspace_id, id, creator_id, campaign_id, task, agent,"
            " complexity, critical, tier, reason, hops, result, model, prompt_version)"
            " VALUES (%s, %s, %s, %s, 'campaign_variants', 'marketing', 5, false, 'economy',"
            " 'ordinary', '{}', 'answered', 'gpt-6-luna', 'marketing-3/common-1')",
            (desk.workspace_id, generation_id, desk.creator_id, campaign_id),
        )
    variants = [{"label": f"T{n}", "message": text} for n, text in enumerate(TEXTS)]
    made = create(
        CampaignDraft.model_validate({"name": "Spring", "variants": variants}),
        PostgresCampaigns(desk.app, desk.user_id),
        creator_id=desk.creator_id,
        author=desk.user_id,
        now=datetime.now(UTC),
        authored=Authored(campaign_id, generation_id, "gpt-6-luna", True, 15_000),
    )
    desk.set_campaign(made.id, status="awaiting_approval")
    return str(made.id)


@pytest.fixture
def exported(desk: Desk) -> Callable[[], list[ProofLine]]:
    """Read the proof as the command reads an export of it."""

    def export() -> list[ProofLine]:
        return proof.read(PostgresProof(desk.app).page(limit=200, cursor=None).model_dump_json())

    return export


def _told(lines: list[ProofLine], action: str) -> tuple[dict[str, Any], dict[str, str | None]]:
    (line,) = (line for line in lines if line.action == action)
    return json.loads(line.facts), {word.name: word.text for word in line.words}


def test_an_approval_shows_what_was_written_and_what_goes_out(
    desk: Desk,
    call: Callable[..., Answer],
    written: str,
    exported: Callable[[], list[ProofLine]],
    lambda_context: object,
) -> None:
    assert call("POST", f"/{written}/approve", {"version": 1}).status == 200
    lines = exported()
    verdict = proof.verify(lines, lines[-1].hash)
    assert verdict.holds
    assert (verdict.approvals, verdict.proven) == (2, 5)
    drafted, drafts = _told(lines, "campaign.texts_written")
    assert drafts == {"draft_a": TEXTS[0], "draft_b": TEXTS[1]}
    approved, sent = _told(lines, "campaign.texts_approved")
    assert sent == {"sent_a": TEXTS[0], "sent_b": TEXTS[1], "disclosure": "Written with AI."}
    assert (approved["edited"], approved["disclosed"], approved["version"]) == (False, True, 1)
    assert approved["campaign_id"] == written
    (generation,) = approved["generations"]
    assert (generation["model"], generation["prompt_version"]) == (
        "gpt-6-luna",
        "marketing-3/common-1",
    )
    assert drafted["generation_id"] == generation["id"]
    # The ledger's rows name the approval that the proof is of.
    desk.fan()
    event = {"step": "freeze", "workspace_id": str(desk.workspace_id), "campaign_id": written}
    tasks.handler(event | {"launch": 0}, lambda_context)  # type: ignore[arg-type]
    (row,) = desk.rows("SELECT approval_id, text FROM sends")
    (line,) = (line for line in lines if line.action == "campaign.texts_approved")
    assert row["approval_id"] == line.target_id
    assert row["text"] in TEXTS


def test_what_a_person_changed_shows_and_what_it_says_of_ai(
    desk: Desk,
    call: Callable[..., Answer],
    written: str,
    exported: Callable[[], list[ProofLine]],
) -> None:
    changed = call("PATCH", f"/{written}", {"message": "My own words."})
    assert changed.body["ai_disclosed"] is False
    desk.set_campaign(UUID(written), status="awaiting_approval")
    assert call("POST", f"/{written}/approve", {}).status == 200
    lines = exported()
    assert proof.verify(lines, None).holds
    approved, sent = _told(lines, "campaign.texts_approved")
    assert sent == {"sent_a": "My own words."}
    assert (approved["edited"], approved["disclosed"]) == (True, False)
    assert _told(lines, "campaign.texts_written")[1]["draft_a"] == TEXTS[0]


def test_each_version_has_its_own_approval(
    desk: Desk, call: Callable[..., Answer], written: str, exported: Callable[[], list[ProofLine]]
) -> None:
    for name in ("Summer", "Autumn"):
        assert call("POST", f"/{written}/approve", {}).status == 200
        assert call("PATCH", f"/{written}", {"name": name}).status == 200
        desk.set_campaign(UUID(written), status="awaiting_approval")
    call("POST", f"/{written}/reject", {})
    approvals = [line for line in exported() if line.action == "campaign.texts_approved"]
    assert [json.loads(line.facts)["version"] for line in approvals] == [1, 2]
    assert len({line.target_id for line in approvals}) == len(approvals)
    assert [json.loads(line.facts)["edited"] for line in approvals] == [False, False]


def test_what_people_wrote_needs_no_proof(
    call: Callable[..., Answer], at: Callable[..., str], exported: Callable[[], list[ProofLine]]
) -> None:
    assert call("POST", f"/{at('awaiting_approval')}/approve", {}).status == 200
    assert not [line for line in exported() if line.words]
