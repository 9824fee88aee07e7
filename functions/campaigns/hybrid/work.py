"""What each step of a workflow does. A step knows what the steps before it have found."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from functions.campaigns import drafting, service
from functions.campaigns.hybrid import asks, screening
from functions.campaigns.hybrid.models import Reply, Step, StoredWorkflow
from functions.campaigns.hybrid.store import Part, WorkflowStore
from functions.campaigns.models import CampaignDraft, Variant
from functions.campaigns.status import CampaignStatus
from functions.campaigns.store import CampaignStore
from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.agents.outputs import Audiences
from huntaze.domain.audience.proposals import proposals, vocabulary
from huntaze.domain.audience.timing import best_slots
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature
from huntaze.errors import HuntazeError

# Habits change: what is older says little of when somebody is about.
_RECENT = timedelta(days=90)
# Somebody has to read and approve it first.
_TIME_TO_APPROVE = timedelta(hours=1)
_RANGE = timedelta(days=7)
_USUAL_VARIANTS = 3
_MOST_OF_RULES = 2000
_LABELS = "ABCDEFGHIJKL"
# From here on each segment gets texts of its own.
_SEVERAL = 2


class BlockedError(HuntazeError):
    """No text passed the checks."""


class CampaignNotReadyError(HuntazeError):
    """The campaign's own workflow has not come to the approval yet."""


class CampaignEndedError(HuntazeError):
    """The campaign failed before anybody could approve it."""


@dataclass(frozen=True)
class Bench:
    """What a step works with.

    Args:
        workflow: Whose step it is.
        step: Which.
        found: What the steps before have found.
        reply: What the model has answered already, if it has.
        store: Keeps what is found.
        campaigns: Where the workflow leads to.
        writer: Whom to ask.
        now: The time.
    """

    workflow: StoredWorkflow
    step: Step
    found: dict[Step, dict[str, Any]]
    reply: Reply | None
    store: WorkflowStore
    campaigns: CampaignStore
    writer: ai.Writer
    now: datetime

    def ask(self, question: tuple[dict[str, Any], type[BaseModel]]) -> dict[str, Any]:
        """Ask the step's question, unless its answer is there: it is paid once."""
        if self.reply is not None:
            return self.reply.value
        data, output = question
        client = agents.Client(
            self.workflow.workspace_id,
            self.workflow.creator_id,
            self.store.voice(self.workflow.creator_id),
            # The campaign will have the workflow's id.
            campaign_id=self.workflow.id,
        )
        answer = asks.ask(
            *(self.writer, self.step, client, data, output),
            segments=len(self.workflow.request.segments),
        )
        kept = Reply(
            value=answer.value.model_dump(mode="json"),
            generation_id=answer.generation_id,
            model=answer.model,
            cost_nano_usd=answer.cost_nanos,
            input_tokens=answer.usage.input_tokens,
            cached_tokens=answer.usage.cached_tokens,
            output_tokens=answer.usage.output_tokens,
            latency_ms=answer.latency_ms,
            degraded=answer.degraded,
            tier=answer.decision.tier,
            reason=answer.decision.reason,
        )
        return self.store.keep_reply(self.workflow, self.step, kept).value

    def screen(self, texts: list[str]) -> screening.Screened:
        """Part texts by the rules of the platform."""
        return screening.screen(
            texts,
            self.store.voice(self.workflow.creator_id),
            price_cents=self.workflow.request.price_cents,
            media_count=len(self.workflow.request.media_ids),
        )

    def judge(self, texts: list[str], refused: list[screening.Refused]) -> dict[str, Any]:
        """Have the model check what the rules let pass.

        Raises:
            BlockedError: Nothing is left.
        """
        if not texts:
            raise BlockedError(_why(refused))
        voice = self.store.voice(self.workflow.creator_id)
        question = asks.judgement(texts, self.workflow.platform, voice.forbidden_topics)
        screened = screening.judged(texts, self.ask(question))
        if not screened.passed:
            raise BlockedError(_why([*refused, *screened.refused]))
        every = [*refused, *screened.refused]
        return {"passed": screened.passed, "refused": [one.model_dump() for one in every]}

    @property
    def core(self) -> str:
        """The text that passed both checks."""
        text: str = self.found[Step.COMPLIANCE]["passed"][0]
        return text


def history(bench: Bench) -> dict[str, Any]:
    """Look at the audience, at what sold before, and at when these fans are about."""
    workflow, order = bench.workflow, bench.workflow.request
    since = bench.now - _RECENT
    parts, fans = bench.store.audience(workflow)
    pace = bench.store.messages_per_minute(workflow.creator_id)
    earliest = max(bench.now + _TIME_TO_APPROVE, order.not_before or bench.now)
    activity = bench.store.activity(workflow, since)
    slots = best_slots(
        activity,
        earliest=earliest,
        latest=max(earliest, order.not_after or earliest + _RANGE),
        messages=fans,
        per_minute=min(pace, order.messages_per_minute or pace),
    )
    return {
        **_audience(parts, fans),
        "figures": bench.store.figures(workflow.creator_id, since),
        "best_times": [slot.model_dump(mode="json") for slot in slots],
    }


def _audience(parts: list[Part], fans: int) -> dict[str, Any]:
    """An audience for whoever only has to get an idea of its rules."""
    short = [json.dumps(one.rules)[: _MOST_OF_RULES // len(parts)] for one in parts]
    if len(parts) < _SEVERAL:
        return {"segment": {"rules": short[0] if short else "every fan", "fans": fans}}
    return {
        "segment": {"rules": "who is in any of the segments", "fans": fans},
        "segments": {
            f"segment_{number}": {"rules": rules, "fans": one.fans}
            for number, (rules, one) in enumerate(zip(short, parts, strict=True), 1)
        },
    }


def content(bench: Bench) -> dict[str, Any]:
    """Have texts written to begin with."""
    order = bench.workflow.request
    answer = bench.ask(asks.content(order.goal, order.tone, bench.workflow.platform))
    screened = bench.screen([one["text"] for one in answer["items"]])
    if not screened.passed:
        raise BlockedError(_why(screened.refused))
    return screened.model_dump()


def optimization(bench: Bench) -> dict[str, Any]:
    """Have the first of them made better."""
    text = bench.found[Step.CONTENT]["passed"][0]
    return bench.ask(asks.optimization(text, bench.workflow.request.goal))


def compliance(bench: Bench) -> dict[str, Any]:
    """Check the better text, and those that would do in its place."""
    better = bench.found[Step.OPTIMIZATION]["text"]
    screened = bench.screen([better, *bench.found[Step.CONTENT]["passed"]])
    return bench.judge(screened.passed, screened.refused)


def plan(bench: Bench) -> dict[str, Any]:
    """Have the campaign planned around the text that passed."""
    return bench.ask(
        asks.plan(
            bench.workflow.request.goal,
            bench.found[Step.HISTORY],
            bench.core,
            bench.workflow.platform,
        )
    )


def audiences(bench: Bench) -> dict[str, Any]:
    """Have audiences proposed, and count each; whom the campaign goes to stays as it was ordered.

    It is an extra: a campaign needs none of it.
    """
    workflow, store = bench.workflow, bench.store
    words = store.words(workflow.creator_id)
    found = bench.found
    question = asks.audiences(
        workflow.request.goal, found[Step.PLAN], found[Step.HISTORY], vocabulary(words)
    )
    try:
        answer = Audiences.model_validate(bench.ask(question))
    except ai.UnusableAnswerError:
        answer = Audiences(items=[])
    return proposals(answer.items, words, lambda rules: store.count(workflow.creator_id, rules))


def variants(bench: Bench) -> dict[str, Any]:
    """Have the campaign's texts written: as many as the plan compares, for each segment."""
    planned = bench.found[Step.PLAN]
    segments = max(1, len(bench.workflow.request.segments))
    count = min(planned["variants"], most_variants(bench), len(_LABELS) // segments)
    answer = bench.ask(asks.variants(planned, bench.found[Step.HISTORY], bench.core, count))
    if "items" in answer:
        return bench.screen([one["text"] for one in answer["items"]]).model_dump()
    written = {name: [one["text"] for one in each["items"]] for name, each in answer.items()}
    screened = bench.screen([text for texts in written.values() for text in texts])
    return {**screened.model_dump(), "segments": written}


def most_variants(bench: Bench) -> int:
    """How many texts the caller and their plan allow."""
    with bench.store.transaction() as connection:
        bought = entitlements.current(connection, bench.workflow.workspace_id).plan
    if Feature.AB_TESTS not in bought.features:
        return 1
    return bench.workflow.request.variants or _USUAL_VARIANTS


def review(bench: Bench) -> dict[str, Any]:
    """Check each text as it would be sent."""
    found = screening.Screened.model_validate(bench.found[Step.VARIANTS])
    return bench.judge(found.passed, found.refused)


def campaign(bench: Bench) -> dict[str, Any]:
    """Make the campaign and launch it: from here on it is one like any other, awaiting approval."""
    order, store = bench.workflow.request, bench.campaigns
    scheduled_at = _moment(bench)
    voice = bench.store.voice(bench.workflow.creator_id)
    variants = _variants(bench, bench.found[Step.REVIEW]["passed"])
    draft = CampaignDraft.model_validate(
        {
            "name": order.name or bench.found[Step.PLAN]["name"],
            "segment_id": order.segments[0] if len(order.segments) == 1 else None,
            "variants": variants,
            "price_cents": order.price_cents,
            "media_ids": order.media_ids,
            "scheduled_at": scheduled_at,
            "holdout_percent": order.holdout_percent,
            "messages_per_minute": order.messages_per_minute,
        }
    )
    steps = bench.store.steps(bench.workflow.id).items()
    replies = {step: stored.reply for step, stored in steps if stored.reply is not None}
    made = drafting.create(
        draft,
        store,
        creator_id=bench.workflow.creator_id,
        author=bench.workflow.requested_by,
        now=bench.now,
        authored=drafting.Authored(
            id=bench.workflow.id,
            generation_id=replies[Step.VARIANTS].generation_id,
            model=replies[Step.VARIANTS].model,
            ai_disclosed=drafting.is_disclosed(variants, voice.disclosure),
            ai_cost_nanos=sum(reply.cost_nano_usd for reply in replies.values()),
        ),
    )
    service.launch(made.id, store, now=bench.now)
    bench.store.link(bench.workflow, made.id)
    return {
        "campaign_id": str(made.id),
        "scheduled_at": scheduled_at and scheduled_at.isoformat(),
        "chosen_by": "caller" if order.scheduled_at else "activity" if scheduled_at else "nobody",
    }


def _variants(bench: Bench, passed: list[str]) -> list[Variant]:
    """The texts that passed, each for its segment where there are several."""
    written = bench.found[Step.VARIANTS].get("segments")
    each: list[tuple[str, UUID | None]]
    if written is None:
        each = [(text, None) for text in passed]
    else:
        each = [
            (text, segment_id)
            for segment_id, texts in zip(
                bench.workflow.request.segments, written.values(), strict=True
            )
            # Where no text of a segment passed there is one that did, before they were written.
            for text in [one for one in dict.fromkeys(texts) if one in passed] or [bench.core]
        ]
    return [
        Variant(label=label, message=text, segment_id=segment_id)
        for label, (text, segment_id) in zip(_LABELS, each, strict=False)
    ]


def _moment(bench: Bench) -> datetime | None:
    """When to send: as the caller says, else at the best hour; None is as soon as it may."""
    if bench.workflow.request.scheduled_at is not None:
        # Gone by meanwhile, it is refused: sending at once is not what the caller has asked for.
        return bench.workflow.request.scheduled_at
    times = bench.found[Step.HISTORY]["best_times"]
    chosen = datetime.fromisoformat(times[0]["at"]) if times else None
    return chosen if chosen is not None and chosen > bench.now else None


def handover(bench: Bench) -> dict[str, Any]:
    """Wait until the campaign awaits its approval."""
    status = bench.workflow.campaign_status
    if status is None:
        return {"campaign_status": "deleted"}
    if status is CampaignStatus.PREPARING:
        raise CampaignNotReadyError("The campaign is being prepared.")
    if status is CampaignStatus.FAILED:
        raise CampaignEndedError("The campaign failed; its own `failure` says why.")
    return {"campaign_status": status.value}


def _why(refused: list[screening.Refused]) -> str:
    reasons = dict.fromkeys(reason for one in refused for reason in one.reasons)
    return "No text passed the checks: " + "; ".join(reasons) + "."


type Work = Callable[[Bench], dict[str, Any]]

WORK: dict[Step, Work] = {
    Step.HISTORY: history,
    Step.CONTENT: content,
    Step.OPTIMIZATION: optimization,
    Step.COMPLIANCE: compliance,
    Step.PLAN: plan,
    Step.AUDIENCES: audiences,
    Step.VARIANTS: variants,
    Step.REVIEW: review,
    Step.CAMPAIGN: campaign,
    Step.HANDOVER: handover,
}
