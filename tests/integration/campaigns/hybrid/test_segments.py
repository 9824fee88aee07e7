"""For whom a workflow is: audiences that are proposed, and segments that are chosen."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from functions.campaigns.api import handler as door
from functions.campaigns.plan import campaign_plan
from functions.campaigns.repository import PostgresCampaigns
from functions.segments import handler as segments_door
from huntaze import ai
from huntaze.domain.outbound import planning
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.hybrid_steps import ASKING, BEFORE_HANDOVER, PLAN
from tests.fakes.speaking_writer import SpeakingWriter


def _segment(ask_door: Callable[..., Answer], desk: Desk, tier: str) -> str:
    rules = {"kind": "text", "field": "tier", "values": [tier]}
    body = {"creator_id": str(desk.creator_id), "name": tier, "rules": rules}
    made = ask_door(segments_door, desk, "POST", "/api/marketing/segments", body)
    assert made.status == 201, made.body
    return str(made.body["id"])


def test_audiences_are_proposed_and_counted_and_a_person_chooses(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
    ask_door: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments_door, "database", door.database)
    for number in range(5):
        desk.fan(tier="gold" if number < 2 else "free")
    gold = [{"field": "tier", "operator": "is", "value": "gold"}]
    guess = [{"field": "tier", "operator": "is", "value": "rich"}]
    writer.answers[ai.Task.AUDIENCE_SUGGESTIONS] = {
        "items": [
            {"name": "Gold", "reason": "They stay.", "rules": gold},
            {"name": "Guess", "reason": "They may pay.", "rules": guess},
        ]
    }
    began = start()
    step(began, *BEFORE_HANDOVER)
    found = status(began["workflow_id"])
    result = found["steps"][5]["result"]
    (proposal,) = result["proposals"]
    assert (proposal["name"], proposal["fans"]) == ("Gold", 2)
    assert result["refused"] == [{"name": "Guess", "reason": "no fan can have this tier"}]
    # Nobody has chosen: it goes to whom it was ordered for.
    assert desk.row(UUID(found["campaign_id"]), "campaigns")["segment_id"] is None
    # The rules are those of a segment.
    body = {"creator_id": str(desk.creator_id), "name": "Gold", "rules": proposal["rules"]}
    made = ask_door(segments_door, desk, "POST", "/api/marketing/segments", body)
    assert made.status == 201, made.body
    path = f"/api/marketing/segments/{made.body['id']}/fans"
    meant = ask_door(segments_door, desk, "GET", path)
    assert len(meant.body["items"]) == 2


def test_a_campaign_needs_no_proposals(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
) -> None:
    desk.fan()
    writer.trouble[ai.Task.AUDIENCE_SUGGESTIONS] = [ai.UnusableAnswerError("odd")]
    began = start()
    step(began, *BEFORE_HANDOVER)
    found = status(began["workflow_id"])
    assert found["steps"][5]["result"]["proposals"] == []
    assert found["campaign_id"]


def test_each_of_several_segments_gets_texts_of_its_own_for_as_many_questions(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
    ask_door: Callable[..., Answer],
    prepare: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments_door, "database", door.database)
    tiers = ("gold", "silver", "free")
    fans = {tier: {desk.fan(tier=tier) for _ in range(3)} for tier in tiers}
    segments = [_segment(ask_door, desk, tier) for tier in ("gold", "silver")]
    writer.answers[ai.Task.CAMPAIGN_VARIANTS] = {
        "segment_1": {"items": [{"text": "Gold morning"}, {"text": "Gold evening"}]},
        # One of them says what no text may say.
        "segment_2": {"items": [{"text": "Write me on telegram"}, {"text": "Silver lining"}]},
    }
    writer.answers[ai.Task.CAMPAIGN_PLAN] = {**PLAN, "variants": 2}
    began = start(segment_ids=segments)
    step(began, *BEFORE_HANDOVER)
    assert len(writer.asked) == len(ASKING)
    found = status(began["workflow_id"])
    history = found["steps"][0]["result"]
    assert history["segment"]["fans"] == 6
    assert [one["fans"] for one in history["segments"].values()] == [3, 3]
    campaign = desk.row(UUID(found["campaign_id"]), "campaigns")
    assert campaign["segment_id"] is None
    assert [(one["message"], one["segment_id"]) for one in campaign["variants"]] == [
        ("Gold morning", segments[0]),
        ("Gold evening", segments[0]),
        ("Silver lining", segments[1]),
    ]

    prepare(found["campaign_id"])
    dry_run = desk.row(UUID(found["campaign_id"]), "campaigns")["dry_run"]
    assert (dry_run["audience"], dry_run["planned"]) == (6, 6)
    desk.set_campaign(UUID(found["campaign_id"]), status="scheduled")
    campaigns = PostgresCampaigns(desk.app)
    with desk.app.transaction() as connection:
        planned = campaign_plan(campaigns.get(UUID(found["campaign_id"])), campaigns)
        planning.plan_campaign(connection, planned)
    sent = {row["fan_id"]: row["text"] for row in desk.rows("SELECT fan_id, text FROM sends")}
    assert sent.keys() == fans["gold"] | fans["silver"]
    assert {sent[fan] for fan in fans["gold"]} <= {"Gold morning", "Gold evening"}
    assert {sent[fan] for fan in fans["silver"]} == {"Silver lining"}


def test_a_segment_is_named_once_and_in_one_way(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    ask_door: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments_door, "database", door.database)
    one = _segment(ask_door, desk, "gold")
    for wrong in (
        {"segment_ids": [one, one]},
        {"segment_ids": [one], "segment_id": one},
        {"segment_ids": [one, str(new_id())]},
        {"segment_ids": [str(new_id()) for _ in range(5)]},
    ):
        start(expect=422, **wrong)
    # One alone is a segment like any other.
    start(segment_ids=[one])
    # Nor does a text of any campaign name a segment of somebody else's.
    text = {"label": "A", "message": "Hi", "segment_id": str(new_id())}
    body = {"name": "C", "creator_id": str(desk.creator_id), "variants": [text]}
    made = ask_door(door, desk, "POST", "/api/marketing/campaigns", body)
    assert (made.status, made.body["fields"]) == (422, {"segment_id": "unknown"})
    text["segment_id"] = one
    assert ask_door(door, desk, "POST", "/api/marketing/campaigns", body).status == 201
