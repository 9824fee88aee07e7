"""The texts of a workflow: which are left out, and what people make of the others."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from functions.campaigns.api import handler as door
from functions.campaigns.hybrid.models import Step
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.hybrid_steps import BEFORE_HANDOVER, PLAN
from tests.fakes.speaking_writer import SpeakingWriter


def test_a_text_that_breaks_the_rules_is_left_out_and_named(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[:4])
    planned = {**PLAN, "variants": 3}
    writer.answers["campaign_plan"] = planned
    step(began, Step.PLAN)
    texts = ["Miss you, {display_name|you}!", "Only 5 $ today", "Write me on telegram"]
    writer.answers["campaign_variants"] = {"items": [{"text": text} for text in texts]}
    step(began, Step.VARIANTS, Step.REVIEW, Step.CAMPAIGN)
    (campaign,) = desk.rows("SELECT variants FROM campaigns")
    assert [one["message"] for one in campaign["variants"]] == texts[:1]
    refused = status(began["workflow_id"])["steps"][6]["result"]["refused"]
    assert {one["text"] for one in refused} == set(texts[1:])
    assert any("amount" in reason for one in refused for reason in one["reasons"])


@pytest.mark.parametrize(
    ("path", "body", "outcome"),
    [
        ("/approve", {"version": 1}, "accepted"),
        ("/reject", {"version": 1}, "rejected"),
        ("", {"message": "In my own words"}, "edited"),
    ],
)
def test_models_are_told_what_people_made_of_their_texts(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    prepare: Callable[[str], None],
    ask_door: Callable[..., Answer],
    book: Callable[[str], None],
    path: str,
    body: dict[str, Any],
    outcome: str,
) -> None:
    desk.fan()
    began = start()
    step(began, *BEFORE_HANDOVER)
    prepare(began["workflow_id"])
    step(began, Step.HANDOVER)
    ids = [one["generation_id"] for one in status(began["workflow_id"])["steps"]]
    generation = ids[6]
    for one in filter(None, ids):
        book(one)
    method = "POST" if path else "PATCH"
    answer = ask_door(
        door, desk, method, f"/api/marketing/campaigns/{began['workflow_id']}{path}", body
    )
    assert answer.status == 200, answer.body
    if outcome == "edited":
        # From here on it is a person's text that is decided on.
        answer = ask_door(
            door, desk, "POST", f"/api/marketing/campaigns/{began['workflow_id']}/launch", {}
        )
        assert answer.status == 202, answer.body
    row = desk.row(UUID(generation), "ai_generations")
    assert (row["outcome"], row["outcome_by"]) == (outcome, desk.user_id)
    # And so is what led to them: who edits a text has taken the plan behind it.
    rows = desk.rows(f"SELECT outcome FROM ai_generations WHERE id <> '{generation}'")
    assert {one["outcome"] for one in rows} == {"rejected" if outcome == "rejected" else "accepted"}
