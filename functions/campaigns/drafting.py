"""Rules of writing a campaign: what it says, to whom and when, until it begins to send."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from functions.campaigns import plan
from functions.campaigns.models import (
    Campaign,
    CampaignChanges,
    CampaignDraft,
    StoredCampaign,
    Variant,
)
from functions.campaigns.status import CampaignStatus, Move, move
from functions.campaigns.store import CampaignStore
from functions.campaigns.templates import template
from huntaze.ai import Outcome
from huntaze.domain.outbound import planning
from huntaze.domain.outbound.moments import check_time
from huntaze.domain.outbound.texts import parse
from huntaze.errors import InvalidInputError


@dataclass(frozen=True)
class Authored:
    """How models wrote a campaign.

    Args:
        id: The campaign's, known before there is one, so that what it costs is booked on it.
        generation_id: The answer that the texts are from.
        model: Who gave it.
        ai_disclosed: Whether the texts say so.
        ai_cost_nanos: What all of it took, in billionths of a US dollar.
    """

    id: UUID
    generation_id: UUID
    model: str
    ai_disclosed: bool
    ai_cost_nanos: int


def create(
    draft: CampaignDraft,
    store: CampaignStore,
    *,
    creator_id: UUID,
    author: UUID,
    now: datetime,
    authored: Authored | None = None,
) -> Campaign:
    """Store a draft; a template fills in the text that is not given.

    Args:
        draft: What it says, to whom, when.
        store: Keeps it.
        creator_id: Whose fans get it.
        author: Who asked for it.
        now: The time.
        authored: How models wrote it; None: a person or a template did.
    """
    check_time(draft.scheduled_at, now)
    values = _values(draft.model_dump(exclude_unset=True, exclude={"message"}))
    values.pop("creator_id", None)
    variants = draft.texts()
    if variants is None:
        variants = [Variant(label="A", message=template(draft.template_id or "").message)]
        values["written_by"] = "template"
    elif draft.template_id is not None:
        template(draft.template_id)
    _check_texts(variants)
    store.check_references(
        creator_id,
        segment_ids=_segments(draft.segment_id, variants),
        media_ids=draft.media_ids or [],
    )
    values |= {"variants": variants, "creator_id": creator_id, "created_by": author}
    if authored is not None:
        values |= {"written_by": "ai", **asdict(authored)}
    return store.get(store.add(values)).public()


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """Columns from a body; null clears where that means something, else it is the default."""
    cleared: dict[str, Any] = {"price_cents": 0, "media_ids": [], "holdout_percent": 0}
    return {
        name: cleared[name] if value is None and name in cleared else value
        for name, value in given.items()
    }


def _segments(segment_id: UUID | None, variants: list[Variant]) -> list[UUID]:
    return [*plan.segments_of(variants), *([] if segment_id is None else [segment_id])]


def _check_texts(variants: list[Variant]) -> None:
    for variant in variants:
        parse(variant.message)


def change(
    campaign_id: UUID, changes: CampaignChanges, store: CampaignStore, *, now: datetime
) -> tuple[Campaign, str | None]:
    """Change a campaign that has not begun to send; it becomes a draft again.

    Returns:
        The campaign, and the execution that must be stopped, if one was under way.
    """
    check_time(changes.scheduled_at, now)
    values = _values(changes.model_dump(exclude_unset=True, exclude={"message"}))
    if values.get("name", "") is None:
        raise InvalidInputError("A campaign keeps a name.", fields={"name": "must not be null"})
    variants = changes.texts()
    if variants is not None:
        _check_texts(variants)
        values["variants"] = variants
    else:
        values.pop("variants", None)
    with store.transaction() as connection:
        campaign = store.get(campaign_id, lock=True)
        if variants is not None:
            values |= _rewritten(campaign, variants, store)
        store.check_references(
            campaign.creator_id,
            segment_ids=_segments(changes.segment_id, variants or []),
            media_ids=changes.media_ids or [],
        )
        if campaign.status is not CampaignStatus.DRAFT:
            store.advance(campaign, Move.CHANGE)
            planning.discard_plan(connection, campaign_id)
            store.record(campaign_id, approval_token=None, delivery_token=None, execution_arn=None)
        store.change(campaign_id, values)
    return store.get(campaign_id).public(), campaign.execution_arn


def _rewritten(
    campaign: StoredCampaign, variants: list[Variant], store: CampaignStore
) -> dict[str, Any]:
    """What follows for a campaign whose texts a person changes."""
    if campaign.written_by == "template":
        return {"written_by": "person"}
    if campaign.written_by != "ai":
        return {}
    if campaign.generation_id is not None:
        store.keep_outcome(campaign.id, campaign.generation_id, Outcome.EDITED)
        # From now on no decision on the texts is one on the model's answer.
        store.record(campaign.id, generation_id=None)
    return {"ai_disclosed": is_disclosed(variants, store.disclosure(campaign.creator_id))}


def is_disclosed(variants: list[Variant], disclosure: str | None) -> bool:
    """Whether every text tells fans that AI helps, in the creator's words."""
    return disclosure is not None and all(disclosure in one.message for one in variants)


def delete(campaign_id: UUID, store: CampaignStore) -> None:
    """Remove a draft that was never sent."""
    with store.transaction():
        campaign = store.get(campaign_id, lock=True)
        move(campaign.status, Move.DELETE)
        store.delete(campaign_id)
