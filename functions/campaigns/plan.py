"""From a stored campaign to the ledger's plan, its dry run and its content hash."""

import hashlib
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg import sql

from functions.campaigns.models import DryRun, ExpectedRevenue, StoredCampaign, Variant
from functions.campaigns.store import CampaignStore
from huntaze.db import Connection
from huntaze.domain import compliance
from huntaze.domain.audience import SegmentRules, compile_rules
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature, Limit
from huntaze.domain.outbound import planning, queue
from huntaze.domain.outbound.states import SendState
from huntaze.domain.outbound.texts import parse, render
from huntaze.errors import ConflictError

# Below this many paid messages a share says nothing; the forecast then stays silent.
ENOUGH_HISTORY = 200
# The fixed default audience: every fan of the creator.
_EVERYONE: sql.Composable = sql.SQL("true")


class AudienceChangedError(ConflictError):
    """The campaign means other fans than it did when it was looked at."""


def campaign_plan(
    campaign: StoredCampaign, store: CampaignStore, *, approval_id: UUID | None = None
) -> planning.CampaignPlan:
    """Build the plan of a campaign as it stands.

    Raises:
        NotFoundError: Its segment is gone.
        TemplateError: A text cannot be filled.
    """
    rules: tuple[sql.Composable, dict[str, object]] = (_EVERYONE, {})
    if campaign.segment_id is not None:
        rules = _rules(campaign.segment_id, store, "segment")
    segments = segments_of(campaign.variants)
    groups = [_rules(one, store, f"group{n}") for n, one in enumerate(segments)]
    if groups and all(variant.segment_id for variant in campaign.variants):
        # Who is in none of them gets nothing.
        anybody = sql.SQL(" OR ").join(condition for condition, _ in groups)
        named = {name: value for _, values in groups for name, value in values.items()}
        rules = (sql.SQL("({}) AND ({})").format(rules[0], anybody), rules[1] | named)
    return planning.CampaignPlan(
        workspace_id=campaign.workspace_id,
        creator_id=campaign.creator_id,
        campaign_id=campaign.id,
        platform=campaign.platform,
        rules=rules,
        variants=[
            planning.Variant(
                variant.label,
                parse(variant.message),
                variant.weight,
                segments.index(variant.segment_id) if variant.segment_id else len(segments),
            )
            for variant in campaign.variants
        ],
        groups=groups,
        authorship=planning.Authorship(
            written_by=campaign.written_by,
            author_id=campaign.created_by,
            model=campaign.model,
            ai_disclosed=campaign.ai_disclosed,
            approval_id=approval_id,
        ),
        price_cents=campaign.price_cents,
        media_ids=campaign.media_ids,
        holdout_percent=float(campaign.holdout_percent),
        due_at=campaign.scheduled_at,
    )


def segments_of(variants: Sequence[Variant]) -> list[UUID]:
    """The segments that variants are for, in their order."""
    return list(dict.fromkeys(one.segment_id for one in variants if one.segment_id is not None))


def _rules(
    segment_id: UUID, store: CampaignStore, name: str
) -> tuple[sql.Composable, dict[str, object]]:
    return compile_rules(SegmentRules.model_validate(store.segment_rules(segment_id)), name=name)


def objections(campaign: StoredCampaign) -> list[str]:
    """What the compliance rules object to, variant by variant; empty when all pass."""
    found = []
    for variant in campaign.variants:
        verdict = compliance.check(
            sample_text(variant),
            platform=campaign.platform,
            price_cents=campaign.price_cents,
            media_count=len(campaign.media_ids),
        )
        found += [f"{variant.label}: {reason}" for reason in verdict.reasons]
    return found


def sample_text(variant: Variant) -> str:
    """The text of a variant with every fallback filled in."""
    return render(parse(variant.message), {}, unfit=compliance.no_name())


def content_hash(campaign: StoredCampaign, store: CampaignStore) -> str:
    """SHA-256 of what a person approves: texts, price, media, audience and its rules, time."""
    segments = [*segments_of(campaign.variants), campaign.segment_id]
    content = {
        "variants": [
            variant.model_dump(mode="json", exclude_none=True) for variant in campaign.variants
        ],
        "price_cents": campaign.price_cents,
        "media_ids": [str(media_id) for media_id in campaign.media_ids],
        "segment_id": campaign.segment_id and str(campaign.segment_id),
        "rules": {str(one): store.segment_rules(one) for one in segments if one},
        "scheduled_at": campaign.scheduled_at and campaign.scheduled_at.isoformat(),
        "holdout_percent": str(campaign.holdout_percent),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def require_as_seen(campaign: StoredCampaign, store: CampaignStore) -> None:
    """Refuse what is not any more what the approver was shown.

    Raises:
        AudienceChangedError: Somebody has changed the rules of a segment since.
    """
    shown = (campaign.dry_run or {}).get("content_hash")
    if shown not in (None, content_hash(campaign, store)):
        raise AudienceChangedError(
            "The rules of its segment have changed since it was put up for approval: reject it,"
            " launch it again and look at whom it means now."
        )


def dry_run(connection: Connection, campaign: StoredCampaign, store: CampaignStore) -> DryRun:
    """Tell what a launch would do now; nothing is written."""
    audience = planning.preview(connection, campaign_plan(campaign, store))
    fans = dict.fromkeys(SendState, 0)
    excluded: dict[str, int] = {}
    for count in audience.counts:
        fans[count.state] += count.fans
        if count.reason is not None:
            excluded[count.reason] = count.fans
    planned = fans[SendState.PLANNED]
    lane = queue.outlook(connection, campaign.creator_id, besides=campaign.id)
    start = max(datetime.now(UTC), campaign.scheduled_at or datetime.now(UTC))
    seconds = lane.seconds_for(planned, per_minute=campaign.messages_per_minute)
    return DryRun(
        audience_hash=audience.digest,
        content_hash=content_hash(campaign, store),
        audience=sum(fans.values()),
        planned=planned,
        held_out=fans[SendState.HELD_OUT],
        excluded=excluded,
        eta_seconds=seconds,
        eta_finished_at=start + timedelta(seconds=seconds),
        ai_cost_nano_usd=campaign.ai_cost_nanos,
        expected_revenue=_expected_revenue(campaign, store, planned),
        compliance=objections(campaign),
        lane_stopped=lane.stop_reason,
    )


def is_compared(variants: Sequence[Variant]) -> bool:
    """Whether fans of one segment get different texts."""
    return len({variant.segment_id for variant in variants}) < len(variants)


def require_entitled(
    connection: Connection, campaign: StoredCampaign, store: CampaignStore
) -> None:
    """Refuse now what freezing the campaign would refuse.

    Raises:
        PaymentRequiredError: The workspace's plan does not include the campaign.
    """
    if is_compared(campaign.variants) or campaign.holdout_percent:
        entitlements.require(connection, campaign.workspace_id, Feature.AB_TESTS)
    entitlements.require_sending(connection, campaign.workspace_id, campaign.creator_id)
    found = entitlements.current(connection, campaign.workspace_id)
    if found.plan.limits[Limit.MESSAGES] is not None:
        audience = planning.preview(connection, campaign_plan(campaign, store))
        planned = sum(one.fans for one in audience.counts if one.state is SendState.PLANNED)
        entitlements.require_sending(
            connection, campaign.workspace_id, campaign.creator_id, more=planned
        )


def _expected_revenue(
    campaign: StoredCampaign, store: CampaignStore, planned: int
) -> ExpectedRevenue | None:
    """Past unlock ratio times price, with its 95 % Wilson interval."""
    if campaign.price_cents == 0:
        return None
    sent, bought = store.sale_history(campaign.creator_id)
    if sent < ENOUGH_HISTORY:
        return None
    z = 1.96
    share = bought / sent
    centre = (share + z * z / (2 * sent)) / (1 + z * z / sent)
    spread = z * math.sqrt(share * (1 - share) / sent + z * z / (4 * sent * sent))
    spread /= 1 + z * z / sent
    offer = planned * campaign.price_cents
    return ExpectedRevenue(
        cents=round(offer * share),
        low_cents=round(offer * max(0.0, centre - spread)),
        high_cents=round(offer * min(1.0, centre + spread)),
        currency=store.currency(campaign.creator_id),
        based_on_messages=sent,
    )
