"""Rules of campaigns: what a person may do with one that is written."""

from dataclasses import asdict
from datetime import UTC, datetime
from uuid import UUID

from functions.campaigns import plan
from functions.campaigns.models import (
    Actual,
    Campaign,
    Cancellation,
    Decision,
    DryRun,
    Forecast,
    Metrics,
    SendCreated,
    Settled,
    StoredCampaign,
    UnsendOrder,
    VariantMetrics,
)
from functions.campaigns.status import CampaignStatus, IllegalMoveError, Move
from functions.campaigns.store import CampaignStore
from huntaze.ai import Outcome
from huntaze.domain import audit, compliance
from huntaze.domain.outbound import commands, judging, planning, queue, results
from huntaze.domain.outbound.judging import Settlement
from huntaze.domain.outbound.moments import check_time
from huntaze.domain.outbound.states import Priority, SendState
from huntaze.errors import ConflictError, InvalidInputError

CANCELLED_AT_ONCE = 10_000


class NotCompliantError(InvalidInputError):
    """The text may not be sent on this platform."""


def launch(campaign_id: UUID, store: CampaignStore, *, now: datetime) -> StoredCampaign:
    """Hand a draft to the state machine; the caller starts the execution after the commit."""
    with store.transaction() as connection:
        campaign = store.get(campaign_id, lock=True)
        objections = plan.objections(campaign)
        if objections:
            raise NotCompliantError(
                "The rules of the platform forbid this text: " + "; ".join(objections) + "."
            )
        store.advance(campaign, Move.LAUNCH)
        check_time(campaign.scheduled_at, now)
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
    now: datetime,
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
        if approved:
            plan.require_as_seen(campaign, store)
            check_time(campaign.scheduled_at, now)
        store.approve(
            campaign,
            decision="approved" if approved else "rejected",
            note=decision.note,
            content_hash=plan.content_hash(campaign, store),
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

    Repeating it finishes what was broken off; so does the sweeper.

    Returns:
        What was stopped, and the execution that must be stopped, if one was under way.
    """
    with store.transaction():
        campaign = store.get(campaign_id, lock=True)
        if campaign.status is not CampaignStatus.CANCELLED:
            store.advance(campaign, Move.CANCEL)
            store.record(
                campaign_id,
                approval_token=None,
                delivery_token=None,
                finished_at=datetime.now(UTC),
            )
    cancelled = cancel_rest(campaign_id, store)
    with store.transaction() as connection:
        flying = planning.totals(connection, campaign_id)[SendState.SUBMITTING]
    answer = Cancellation(
        campaign=store.get(campaign_id).public(), cancelled=cancelled, may_still_arrive=flying
    )
    return answer, campaign.execution_arn


def cancel_rest(campaign_id: UUID, store: CampaignStore) -> int:
    """Cancel what a closed campaign still has planned, so many at a time: none is lost again."""
    cancelled = 0
    while True:
        with store.transaction() as connection:
            found = planning.cancel_planned(connection, campaign_id, most=CANCELLED_AT_ONCE)
        cancelled += found
        if found < CANCELLED_AT_ONCE:
            return cancelled


def unsend(campaign_id: UUID, store: CampaignStore, *, requested_by: UUID) -> UnsendOrder:
    """Order the lane to take every sent message back that no fan has paid for.

    Raises:
        IllegalMoveError: Nothing was sent, or sending goes on.
    """
    with store.transaction() as connection:
        campaign = store.get(campaign_id, lock=True)
        if campaign.status in (CampaignStatus.SENDING, CampaignStatus.SCHEDULED):
            raise IllegalMoveError("Pause or cancel the campaign before taking messages back.")
        found = results.to_take_back(connection, campaign_id)
        requested = commands.request_unsend(
            connection,
            workspace_id=campaign.workspace_id,
            creator_id=campaign.creator_id,
            send_ids=found.send_ids,
            requested_by=requested_by,
        )
        order = UnsendOrder(requested=requested, paid=found.paid)
        target = audit.Target("campaign", campaign_id)
        facts = order.model_dump()
        audit.record(connection, "campaign.unsend", target, actor_id=requested_by, facts=facts)
    return order


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
        lane = queue.outlook(connection, campaign.creator_id, besides=campaign_id)
        earned = results.earned(connection, campaign_id)
    remaining = counts[SendState.PLANNED] + counts[SendState.SUBMITTING]
    return Forecast(
        forecast=None if campaign.dry_run is None else DryRun.model_validate(campaign.dry_run),
        remaining=remaining,
        eta_seconds=lane.seconds_for(remaining, per_minute=campaign.messages_per_minute),
        sent=counts[SendState.SENT],
        actual=Actual(**asdict(earned), currency=store.currency(campaign.creator_id)),
    )
