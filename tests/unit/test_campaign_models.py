"""What a campaign's body may hold."""

from typing import Any

import pytest
from pydantic import ValidationError

from functions.campaigns.models import CampaignChanges, CampaignDraft, Decision
from huntaze.domain.outbound.judging import Settlement
from huntaze.ids import new_id


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": None},
        {"message": ""},
        {"message": "x" * 3001},
        {"message": None},
        {"variants": [{"label": "A", "message": "b"}]},
        {"message": None, "variants": []},
        {"message": None, "variants": [{"label": "A", "message": "a"}] * 2},
        {"message": None, "variants": [{"label": "a b", "message": "a"}]},
        {"message": None, "variants": [{"label": "A", "message": "a", "weight": 0}]},
        {"message": None, "variants": [{"label": "A", "message": "a", "weight": 101}]},
        {"message": None, "variants": [{"label": str(n), "message": "a"} for n in range(13)]},
        {"price_cents": -1},
        {"price_cents": 20_001},
        {"price_cents": 3.5},
        {"media_ids": ["nothing"]},
        {"media_ids": [str(new_id()) for _ in range(21)]},
        {"scheduled_at": "2030-01-01T00:00:00"},
        {"holdout_percent": 51},
        {"holdout_percent": -1},
        {"holdout_percent": "12.345"},
        {"holdout_percent": "NaN"},
        {"messages_per_minute": 0},
        {"messages_per_minute": 6001},
        {"segment_id": "nothing"},
        {"creator_id": "nothing"},
        {"status": "sending"},
        {"written_by": "person"},
        {"version": 3},
    ],
)
def test_refuses_a_draft(changes: dict[str, Any]) -> None:
    draft = {"name": "n", "message": "hi"} | changes
    with pytest.raises(ValidationError):
        CampaignDraft.model_validate(
            {k: v for k, v in draft.items() if v is not None or k == "name"}
        )


def test_one_message_is_one_variant() -> None:
    (variant,) = CampaignDraft(name="n", message="hi").texts() or []
    assert (variant.label, variant.message, variant.weight) == ("A", "hi", 1)


def test_a_template_may_stand_in_for_the_text() -> None:
    assert CampaignDraft(name="n", template_id="fitness-welcome").texts() is None
    with pytest.raises(ValidationError):
        CampaignDraft(name="n")


def test_changes_name_only_what_changes() -> None:
    changes = CampaignChanges(segment_id=None)
    assert changes.model_dump(exclude_unset=True) == {"segment_id": None}


def test_a_decision_or_a_settlement_holds_nothing_else() -> None:
    with pytest.raises(ValidationError):
        Decision.model_validate({"version": 1, "approved": True})
    with pytest.raises(ValidationError):
        Settlement.model_validate({"decision": "forget"})
