"""Rules of campaigns: what a person may do with one, and what follows."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from functions.campaigns import plan
from functions.campaigns.models import (
    Campaign,
    CampaignChanges,
    CampaignDraft,
    Cancellation,
    Decision,
    DryRun,
    Forecast,
    Metrics,
    SendCreated,
    Settled,
    StoredCampaign,
    Variant,
    VariantMetrics,
)
from functions.campaigns.status import CampaignStatus, IllegalMoveError, Move, move
from functions.campaigns.store import CampaignStore
from functions.campaigns.templates import template
from huntaze.ai import Outcome
from huntaze.domain import compliance
from huntaze.domain.outbound import commands, judging, planning, queue
from huntaze.domain.outbound.judging import Settlement
from huntaze.domain.outbound.states import Priority, SendState
from huntaze.domain.outbound.texts import parse
from huntaze.errors import ConflictError, InvalidInputError

# Clocks differ, and a request takes its time.
_GRACE = timedelta(minutes=1)
# An execution of Step Functions lives for a year; approval and delivery take their share of it.
_FAR = timedelta(days=300)


class NotCompliantError(InvalidInputError):
    """The text may not be sent on this platform."""


class SendTimePassedError(InvalidInputError):
    """The moment to send has already gone by."""


class SendTimeTooFarError(InvalidInputError):
    """The moment to send is further away than a launch can wait."""


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


def check_time(scheduled_at: datetime | None, now: datetime) -> None:
    """Refuse a time that has gone by, or that a launch cannot wait for."""
    if scheduled_at is None:
        return
    if scheduled_at < now - _GRACE:
        raise SendTimePassedError(
            f"{scheduled_at:%Y-%m-%d %H:%M %Z} is in the past; leave scheduled_at out to send as"
            " soon as the campaign is approved.",
            fields={"scheduled_at": "in the past"},
        )
    if scheduled_at > now + _FAR:
        raise SendTimeTooFarError(
            f"A campaign can be scheduled {_FAR.days} days ahead at most.",
            fields={"scheduled_at": "too far ahead"},
        )


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


def launch(campaign_id: UUID, store: CampaignStore) -> StoredCampaign:
    """Hand a draft to the state machine; the caller starts the execution after the commit."""
    with store.transaction() as connection:
        campaign = store.get(campaign_id, lock=True)
        objections = plan.objections(campaign)
        if objections:
            raise NotCompliantError(
                "The rules of the platform forbid this text: " + "; ".join(objections) + "."
            )
        store.advance(campaign, Move.LAUNCH)
        plan.require_entitled(connection, campaign, store)
        store.launched(campaign_id)
    return store.get(campaign_id)


def decide(
    campaign_id: UUID,
    decision: Decision,
    store: CampaignStore,
    *,
    approved: bool,
    decided_by: UUID,
) -> StoredCampaign:
    """Approve or reject the version that a person has looked at.

    Returns:
        The campaign before the decision, with its execution.
    """
    with store.transaction():
        campaign = store.get(campaign_id, lock=True)
        if decision.version is not None and decision.version != campaign.version:
            raise ConflictError(
                f"The campaign has changed to version {campaign.version}; look at it again."
            )
        # Legal first: a decision on a draft must not leave an approval behind.
        store.advance(campaign, Move.APPROVE if approved else Move.REJECT)
        store.approve(
            campaign,
            decision="approved" if approved else "rejected",
            note=decision.note,
            content_hash=plan.content_hash(campaign),
            decided_by=decided_by,
        )
        if campaign.generation_id is not None:
            outcome = Outcome.ACCEPTED if approved else Outcome.REJECTED
            store.keep_outcome(campaign.id, campaign.generation_id, outcome)
        if approved:
            store.tell("campaign.decided", campaign_id, {"decision": "approved"})
        else:
            store.record(campaign_id, approval_token=None, execution_arn=None)
    return campaign


def pause(campaign_id: UUID, store: CampaignStore) -> Campaign:
    """Hold a campaign; what is being submitted may still arrive."""
    return _advance(campaign_id, Move.PAUSE, store)


def resume(campaign_id: UUID, store: CampaignStore) -> Campaign:
    """Let a paused campaign go on; the caller wakes the lane."""
    return _advance(campaign_id, Move.RESUME, store)


def _advance(campaign_id: UUID, what: Move, store: CampaignStore) -> Campaign:
    with store.transaction():
        store.advance(store.get(campaign_id, lock=True), what)
    return store.get(campaign_id).public()


def cancel(campaign_id: UUID, store: CampaignStore) -> tuple[Cancellation, str | None]:
    """Stop a campaign for good: status first, so that no grant follows; then the planned rows.

    Returns:
        What was stopped, and the execution that must be stopped, if one was under way.
    """
    with store.transaction():
        campaign = store.get(campaign_id, lock=True)
        store.advance(campaign, Move.CANCEL)
        store.record(
            campaign_id,
            approval_token=None,
            delivery_token=None,
            finished_at=datetime.now(UTC),
        )
    with store.transaction() as connection:
        cancelled = planning.cancel_planned(connection, campaign_id)
        flying = planning.totals(connection, campaign_id)[SendState.SUBMITTING]
    answer = Cancellation(
        campaign=store.get(campaign_id).public(), cancelled=cancelled, may_still_arrive=flying
    )
    return answer, campaign.execution_arn


def unsend(campaign_id: UUID, store: CampaignStore, *, requested_by: UUID) -> int:
    """Order the lane to take every sent message back; how many were not ordered before.

    Raises:
        IllegalMoveError: Nothing was sent, or sending goes on.
    """
    with store.transaction() as connection:
        campaign = store.get(campaign_id, lock=True)
        if campaign.status in (CampaignStatus.SENDING, CampaignStatus.SCHEDULED):
            raise IllegalMoveError("Pause or cancel the campaign before taking messages back.")
        return commands.request_unsend(
            connection,
            workspace_id=campaign.workspace_id,
            creator_id=campaign.creator_id,
            send_ids=store.sent_ids(campaign_id),
            requested_by=requested_by,
        )


def send_test(
    campaign_id: UUID,
    fan_id: UUID,
    label: str | None,
    store: CampaignStore,
    *,
    requested_by: UUID,
) -> tuple[StoredCampaign, SendCreated]:
    """Send one variant to one fan, at a person's priority, without price or media."""
    with store.transaction() as connection:
        campaign = store.get(campaign_id)
        chosen = [v for v in campaign.variants if label in (None, v.label)]
        if not chosen:
            raise InvalidInputError("There is no such variant.", fields={"variant": "unknown"})
        text = plan.sample_text(chosen[0])
        verdict = compliance.check(text, platform=campaign.platform)
        if not verdict.passed:
            raise NotCompliantError("; ".join(verdict.reasons))
        approval_id = store.approval_id(campaign)
        if campaign.written_by == "ai" and approval_id is None:
            raise ConflictError("AI wrote this text: approve the campaign before testing it.")
        send_id = planning.plan_direct(
            connection,
            planning.DirectSend(
                workspace_id=campaign.workspace_id,
                creator_id=campaign.creator_id,
                fan_id=fan_id,
                text=text,
                authorship=planning.Authorship(
                    campaign.written_by,
                    author_id=requested_by,
                    model=campaign.model,
                    ai_disclosed=campaign.ai_disclosed,
                    approval_id=approval_id,
                ),
                priority=Priority.PERSON,
            ),
        )
        eta = queue.outlook(connection, campaign.creator_id).seconds_for_person()
    return campaign, SendCreated(send_id=send_id, state=SendState.PLANNED, eta_seconds=eta)


def settle(
    campaign_id: UUID,
    send_id: UUID,
    settlement: Settlement,
    store: CampaignStore,
    *,
    decided_by: UUID,
) -> tuple[StoredCampaign, Settled]:
    """Settle an unknown outcome as a person judges it; sending again is a new direct send."""
    with store.transaction() as connection:
        campaign = store.get(campaign_id)
        store.recipient(campaign_id, send_id)
        new_send_id = judging.settle(connection, send_id, settlement, decided_by=decided_by)
        recipient = store.recipient(campaign_id, send_id)
    return campaign, Settled(recipient=recipient, new_send_id=new_send_id)


def run_dry(campaign_id: UUID, store: CampaignStore) -> DryRun:
    """Tell what a launch would do now, and keep it with a draft."""
    with store.transaction() as connection:
        campaign = store.get(campaign_id)
        result = plan.dry_run(connection, campaign, store)
        if campaign.status is CampaignStatus.DRAFT:
            store.record(campaign_id, dry_run=result.model_dump(mode="json"))
    return result


def metrics(campaign_id: UUID, store: CampaignStore) -> Metrics:
    """Count a campaign's ledger."""
    with store.transaction() as connection:
        campaign = store.get(campaign_id)
        counts = planning.totals(connection, campaign_id)
        sales = store.sales(campaign_id)
    states = {state.value: counts[state] for state in SendState if state != SendState.SKIPPED}
    return Metrics(
        **states,
        audience=sum(counts[state] for state in SendState),
        skipped=_by_reason(counts, SendState.SKIPPED),
        not_sent_because=_by_reason(counts, SendState.NOT_SENT),
        unsent=sum(row["unsent"] for row in sales.values()),
        bought=sum(row["bought"] for row in sales.values()),
        variants=[
            VariantMetrics(
                label=label,
                sent=row["sent"],
                bought=row["bought"],
                unlock_ratio=row["bought"] / row["sent"]
                if row["sent"] and campaign.price_cents
                else None,
            )
            for label, row in sales.items()
        ],
        started_at=campaign.released_at,
        finished_at=campaign.finished_at,
    )


def _by_reason(counts: dict[str, int], state: SendState) -> dict[str, int]:
    prefix = f"{state}:"
    return {
        key.removeprefix(prefix): rows for key, rows in counts.items() if key.startswith(prefix)
    }


def forecast(campaign_id: UUID, store: CampaignStore) -> Forecast:
    """Compare what the dry run said with what is left."""
    with store.transaction() as connection:
        campaign = store.get(campaign_id)
        counts = planning.totals(connection, campaign_id)
        lane = queue.outlook(connection, campaign.creator_id)
    remaining = counts[SendState.PLANNED] + counts[SendState.SUBMITTING]
    others = max(0, lane.ahead - counts[SendState.PLANNED])
    return Forecast(
        forecast=None if campaign.dry_run is None else DryRun.model_validate(campaign.dry_run),
        remaining=remaining,
        eta_seconds=queue.ahead_of(lane, others).seconds_for(
            remaining, per_minute=campaign.messages_per_minute
        ),
        sent=counts[SendState.SENT],
    )
