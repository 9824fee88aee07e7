"""The life of a campaign: every move from every status."""

from itertools import product

import pytest

from functions.campaigns.status import CampaignStatus, IllegalMoveError, Move, move

# As the design has it: draft → preparing → awaiting_approval → scheduled → sending ⇄ paused →
# completed | cancelled | failed.
LEGAL = {
    ("draft", "change"): "draft",
    ("draft", "launch"): "preparing",
    ("draft", "cancel"): "cancelled",
    ("draft", "delete"): "draft",
    ("preparing", "change"): "draft",
    ("preparing", "ask_approval"): "awaiting_approval",
    ("preparing", "cancel"): "cancelled",
    ("preparing", "fail"): "failed",
    ("awaiting_approval", "change"): "draft",
    ("awaiting_approval", "approve"): "scheduled",
    ("awaiting_approval", "reject"): "draft",
    ("awaiting_approval", "cancel"): "cancelled",
    ("awaiting_approval", "fail"): "failed",
    ("scheduled", "change"): "draft",
    ("scheduled", "release"): "sending",
    ("scheduled", "cancel"): "cancelled",
    ("scheduled", "fail"): "failed",
    ("sending", "pause"): "paused",
    ("sending", "complete"): "completed",
    ("sending", "cancel"): "cancelled",
    ("sending", "fail"): "failed",
    ("paused", "resume"): "sending",
    ("paused", "complete"): "completed",
    ("paused", "cancel"): "cancelled",
    ("paused", "fail"): "failed",
}


@pytest.mark.parametrize(("status", "what"), list(product(CampaignStatus, Move)))
def test_a_move_is_legal_or_refused_with_the_way_out(status: CampaignStatus, what: Move) -> None:
    target = LEGAL.get((status.value, what.value))
    if target is not None:
        assert move(status, what) == target
        return
    with pytest.raises(IllegalMoveError) as refusal:
        move(status, what)
    assert refusal.value.status == 409
    assert status.value in refusal.value.detail


def test_what_is_over_stays_over() -> None:
    for status in ("completed", "cancelled", "failed"):
        assert not [one for one in LEGAL if one[0] == status]
