"""The steps of a pipeline: each goes on where the one before it, or itself, has stopped.

What is written is kept after both checks and not before, batch by batch: who dies in between has
lost one batch at most, and what is kept is never asked for again.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from functions.content.generation.checking import CheckUnavailableError, Written, check
from functions.content.generation.service import texts_of_ideas
from functions.content.pipelines.models import (
    Item,
    PipelineStatus,
    Spent,
    Step,
    StoredPlan,
)
from functions.content.pipelines.slots import slots
from functions.content.pipelines.store import LostPlanError, NewItem, PlanStore, Refused
from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.agents.outputs import Idea, Post, several
from huntaze.domain.drafts import NewDraft
from huntaze.domain.workflows.runs import (
    HALT,
    ModelsUnavailable,
    RunOvertaken,
    StepBusy,
    ending_of,
    halt_of,
)
from huntaze.errors import HuntazeError, NotFoundError

# More at once would be written less carefully.
BATCH = 10
# Longer than a call of the function lasts: whoever holds the run has died.
LEASE = timedelta(seconds=310)
_WRITING, _CHECKING = timedelta(seconds=60), timedelta(seconds=30)
_TOKENS_OF_AN_IDEA, _TOKENS_OF_A_POST = 200, 350


class NothingApprovedError(HuntazeError):
    """The checks approved nothing of what was written."""


class StepRequest(NamedTuple):
    """What the state machine passes to a step."""

    step: str
    plan_id: UUID
    run: int
    failed_step: str | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True)
class Bench:
    """What a step works with."""

    plan: StoredPlan
    store: PlanStore
    writer: ai.Writer
    now: datetime


def ideas(bench: Bench) -> None:
    """Have ideas written, as many as are wanted."""
    plan, order = bench.plan, bench.plan.request
    client, asked = bench.store.client(plan), plan.asked
    while asked < order.count:
        count = min(BATCH, order.count - asked)
        known = [item.title for item in bench.store.items(plan.id)]
        answer = agents.ask(
            *(bench.writer, agents.CONTENT, ai.Task.CONTENT_IDEAS, client),
            {
                "count": count,
                "creativity": order.creativity,
                "target_platforms": plan.platforms,
                "about": order.about,
                "published_lately": [*known, *bench.store.published(plan.creator_id)],
            },
            several(Idea, count),
            output_tokens=_TOKENS_OF_AN_IDEA * count,
            deadline=_WRITING,
        )
        texts = texts_of_ideas(answer.value, plan.platforms)
        found = check(texts, plan.platforms, bench.writer, client, deadline=_CHECKING)
        bench.store.keep_ideas(
            plan,
            [_item(one) for one, said in zip(texts, found.each, strict=True) if said.approved],
            [said.reasons for said in found.each if not said.approved],
            Spent.on(answer, found.answers),
            asked=count,
        )
        asked += count
    if not bench.store.items(plan.id):
        raise NothingApprovedError("The checks approved none of the ideas; ask for others.")


def _item(idea: Written) -> NewItem:
    details = {name: idea.details[name] for name in ("platform", "search_words")}
    return NewItem(idea.details["kind"], idea.title or "", idea.body, details)


def assets(bench: Bench) -> None:
    """Find what of the library would show each item: each thing once, and none that is planned."""
    plan = bench.plan
    used = {media_id for _, media_id in bench.store.scheduled(plan.creator_id)}
    chosen: dict[int, UUID] = {}
    for item in bench.store.items(plan.id):
        if item.kind == "text":
            continue
        votes = Counter[UUID]()
        for word in item.search_words:
            votes.update(set(bench.store.find(plan.creator_id, item.kind, word)))
        # Ids are UUIDv7: of those that most words find, the newest.
        best = max(
            (one for one in votes if one not in used),
            key=lambda one: (votes[one], one),
            default=None,
        )
        if best is not None:
            used.add(best)
            chosen[item.position] = best
    bench.store.keep_assets(plan, chosen)


def captions(bench: Bench) -> None:
    """Have a caption and hashtags written for each item."""
    plan = bench.plan
    client = bench.store.client(plan)
    while left := _without_caption(bench)[:BATCH]:
        answer = agents.ask(
            *(bench.writer, agents.CONTENT, ai.Task.CONTENT_PIPELINES, client),
            {
                "items": [
                    {
                        "title": item.title,
                        "description": item.description,
                        "kind": item.kind,
                        "platform": item.platform,
                    }
                    for item in left
                ],
                "platform": ", ".join(plan.platforms),
            },
            several(Post, len(left)),
            output_tokens=_TOKENS_OF_A_POST * len(left),
            deadline=_WRITING,
        )
        texts = [
            Written("post", one.caption, item.title, {"hashtags": one.hashtags})
            for item, one in zip(left, answer.value.items, strict=True)
        ]
        found = check(texts, plan.platforms, bench.writer, client, deadline=_CHECKING)
        said = list(zip(left, texts, found.each, strict=True))
        bench.store.keep_captions(
            plan,
            [
                NewDraft(
                    creator_id=plan.creator_id,
                    generation_id=answer.generation_id,
                    kind=text.kind,
                    platform=item.platform,
                    title=text.title,
                    body=text.body,
                    details=text.details,
                    model=answer.model,
                    prompt_version=agents.CONTENT.prompt_version,
                    review=review,
                    plan_id=plan.id,
                    plan_position=item.position,
                )
                for item, text, review in said
                if review.approved
            ],
            [Refused(item.position, one.reasons) for item, _, one in said if not one.approved],
            Spent.on(answer, found.answers),
        )
    if all(item.draft_id is None for item in bench.store.items(plan.id)):
        raise NothingApprovedError("The checks approved none of the captions; ask for others.")


def _without_caption(bench: Bench) -> list[Item]:
    return [
        item
        for item in bench.store.items(bench.plan.id)
        if item.draft_id is None and item.refused is None
    ]


def schedule(bench: Bench) -> None:
    """Find a moment for each item that has a caption; a person puts it into the calendar."""
    plan, wish = bench.plan, bench.plan.request.schedule
    moments = slots(
        wish.first,
        wish.time_zone or plan.time_zone,
        wish.times,
        every_days=wish.every_days,
        now=bench.now,
        taken={at for at, _ in bench.store.scheduled(plan.creator_id)},
    )
    items = [item for item in bench.store.items(plan.id) if item.draft_id is not None]
    bench.store.keep_slots(
        plan, {item.position: slot for item, slot in zip(items, moments, strict=False)}
    )


_WORK: dict[Step, Callable[[Bench], None]] = {
    Step.IDEAS: ideas,
    Step.ASSETS: assets,
    Step.CAPTIONS: captions,
    Step.SCHEDULE: schedule,
}


def run(request: StepRequest, store: PlanStore, writer: ai.Writer, *, now: datetime) -> None:
    """Run one step; one that is done is done.

    Raises:
        RunOvertaken: The pipeline is no longer this execution's.
        StepBusy: Somebody else is at it.
        ModelsUnavailable: No model answered.
        RunStopped: The budget has no room.
        RunRefused: The pipeline cannot go on.
    """
    try:
        plan = store.get(request.plan_id)
    except NotFoundError:
        raise RunOvertaken("the pipeline is erased") from None
    steps = list(Step)
    is_over = plan.run != request.run or plan.status is not PipelineStatus.RUNNING
    if request.step == HALT:
        if not is_over:
            halt = halt_of(request.failed_step, request.error, {})
            store.end(plan, PipelineStatus.FAILED, halt, by=None)
        return
    if plan.run == request.run and steps.index(plan.step) > steps.index(Step(request.step)):
        return
    if is_over or plan.step is not Step(request.step):
        raise RunOvertaken(f"run {request.run}: now {plan.run}, {plan.status}, {plan.step}")
    taken = store.claim(plan.id, request.run, LEASE)
    if taken is None:
        raise StepBusy(f"{request.step} is being worked on")
    _work(Bench(taken, store, writer, now))


def _work(bench: Bench) -> None:
    plan, store = bench.plan, bench.store
    try:
        _WORK[plan.step](bench)
        store.advance(plan)
    except LostPlanError as error:
        raise RunOvertaken(str(error)) from None
    except Exception as error:
        store.let_go(plan)
        _tell(bench, error)
        raise


def _tell(bench: Bench, error: Exception) -> None:
    """Write down how a step ended that cannot go on, in words that the state machine knows."""
    if isinstance(error, (ai.NoAnswerError, CheckUnavailableError)):
        raise ModelsUnavailable(error.detail) from error
    ending = ending_of(error, bench.plan.step.value, now=bench.now, final=(NothingApprovedError,))
    if ending is not None:
        status = PipelineStatus.STOPPED if ending.stopped else PipelineStatus.FAILED
        bench.store.end(bench.plan, status, ending.halt, by=None)
        raise ending.told from error
