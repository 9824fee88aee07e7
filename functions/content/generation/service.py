"""Rules of generations: an agent writes, both checks look, and what they approve is kept."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from functions.content.generation.checking import Written, check
from functions.content.generation.models import (
    Blocked,
    CaptionsOrder,
    Cost,
    Generation,
    HashtagsOrder,
    IdeasOrder,
    Proposal,
    TextOrder,
    Tokens,
)
from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.agents.outputs import Caption, Idea, Optimization, Post, Several, Tag, several
from huntaze.domain.compliance.review import Reviews
from huntaze.domain.drafts import NewDraft

# Together they leave the gateway, which waits for 29 seconds, some time.
_WRITING, _CHECKING = timedelta(seconds=15), timedelta(seconds=9)


class Desk(Protocol):
    """What generations need of a workspace."""

    def client(self, creator_id: UUID | None) -> agents.Client:
        """For whom the agent works, if the plan has AI at all."""
        ...

    def published(self, creator_id: UUID) -> list[str]:
        """Titles of what the creator has in the library, newest first."""
        ...

    def keep(self, drafts: Sequence[NewDraft], told: "Told") -> list[UUID]:
        """Keep drafts, and tell what was generated; answers the ids of the drafts."""
        ...


class Told(NamedTuple):
    """What is counted of a generation: ids and figures."""

    creator_id: UUID
    generation_id: UUID
    checks: list[UUID]
    facts: dict[str, Any]


def ideas(order: IdeasOrder, desk: Desk, writer: ai.Writer) -> Generation:
    """Propose what to publish next."""
    client = desk.client(order.creator_id)
    platforms: list[str] = [*order.target_platforms] or [client.voice.platform]
    data = {
        "count": order.count,
        "creativity": order.creativity,
        "target_platforms": platforms,
        "about": order.about,
        "published_lately": desk.published(client.creator_id),
    }
    shape = several(Idea, order.count)

    def texts(value: Several[Idea]) -> list[Written]:
        return texts_of_ideas(value, platforms)

    return _generate(
        *(writer, desk, client, ai.Task.CONTENT_IDEAS, data, shape, texts),
        output_tokens=200 * order.count,
        platforms=platforms,
    )


def captions(order: CaptionsOrder, desk: Desk, writer: ai.Writer) -> Generation:
    """Write captions for a subject."""
    client = desk.client(order.creator_id)
    platform = order.platform or client.voice.platform
    data = {**order.model_dump(exclude={"creator_id"}), "platform": platform}

    def texts(value: Several[Caption]) -> list[Written]:
        return [Written("caption", one.text) for one in value.items]

    return _generate(
        *(writer, desk, client, ai.Task.CAPTIONS, data, several(Caption, order.count), texts),
        output_tokens=160 * order.count,
        platforms=[platform],
    )


def hashtags(order: HashtagsOrder, desk: Desk, writer: ai.Writer) -> Generation:
    """Find hashtags for a subject."""
    client = desk.client(order.creator_id)
    platform = order.platform or client.voice.platform
    data = {**order.model_dump(exclude={"creator_id"}), "platform": platform}

    def texts(value: Several[Tag]) -> list[Written]:
        words = list(dict.fromkeys(f"#{one.word}" for one in value.items))
        return [Written("hashtags", word) for word in words]

    return _generate(
        *(writer, desk, client, ai.Task.HASHTAGS, data, several(Tag, order.count), texts),
        output_tokens=40 * order.count + 50,
        platforms=[platform],
    )


def text(order: TextOrder, desk: Desk, writer: ai.Writer) -> Generation:
    """Write a post about a subject, or make a text better."""
    client = desk.client(order.creator_id)
    platform = order.platform or client.voice.platform
    if order.text is not None:
        data: dict[str, Any] = {"text": order.text, "goal": order.goal, "platform": platform}
        return _generate(
            *(writer, desk, client, ai.Task.CONTENT_OPTIMIZATION, data, Optimization),
            lambda value: [Written("text", value.text, details={"reasons": value.reasons})],
            output_tokens=900,
            platforms=[platform],
        )
    items = [{"title": order.subject, "description": order.goal or order.subject}]
    data = {"items": items, "platform": platform}

    def texts(value: Several[Post]) -> list[Written]:
        return [
            Written("post", one.caption, details={"hashtags": one.hashtags}) for one in value.items
        ]

    return _generate(
        *(writer, desk, client, ai.Task.CONTENT_PIPELINES, data, several(Post, 1), texts),
        output_tokens=400,
        platforms=[platform],
    )


def texts_of_ideas(value: Several[Idea], platforms: Sequence[str]) -> list[Written]:
    """Ideas as texts; each is for one of the platforms that were asked for."""
    return [
        Written(
            "idea",
            one.description,
            one.title,
            {
                "kind": one.kind,
                "platform": one.platform if one.platform in platforms else platforms[0],
                "search_words": one.search_words,
            },
        )
        for one in value.items
    ]


def _generate[O: Any](
    writer: ai.Writer,
    desk: Desk,
    client: agents.Client,
    task: ai.Task,
    data: dict[str, Any],
    shape: type[O],
    texts_of: Callable[[O], list[Written]],
    *,
    output_tokens: int,
    platforms: list[str],
) -> Generation:
    answer = agents.ask(
        *(writer, agents.CONTENT, task, client, data, shape),
        output_tokens=output_tokens,
        deadline=_WRITING,
    )
    texts = texts_of(answer.value)
    found = check(texts, platforms, writer, client, deadline=_CHECKING)
    kept = [(one, said) for one, said in zip(texts, found.each, strict=True) if said.approved]
    drafts = [
        NewDraft(
            creator_id=client.creator_id,
            generation_id=answer.generation_id,
            kind=one.kind,
            platform=one.details.get("platform", platforms[0]),
            title=one.title,
            body=one.body,
            details=one.details,
            model=answer.model,
            prompt_version=agents.CONTENT.prompt_version,
            review=said,
        )
        for one, said in kept
    ]
    answered = _answer(answer, found)
    told = _told(client, task, answered, found, len(drafts))
    proposed = zip(desk.keep(drafts, told), kept, strict=True)
    answered.items = [
        Proposal(draft_id=draft_id, title=one.title, text=one.body, details=one.details)
        for draft_id, (one, _) in proposed
    ]
    return answered


def _told(
    client: agents.Client, task: ai.Task, answered: Generation, found: Reviews, kept: int
) -> Told:
    return Told(
        client.creator_id,
        answered.generation_id,
        [check.generation_id for check in found.answers],
        {
            "creator_id": str(client.creator_id),
            "task": task.value,
            "kept": kept,
            "blocked": len(answered.blocked),
            "model": answered.model,
            "prompt_version": answered.prompt_version,
            "tokens": answered.tokens.model_dump(),
            "latency_ms": answered.latency_ms,
            "cost_nanos": answered.cost.nanos,
            "degraded": answered.degraded,
        },
    )


def _answer(answer: ai.Answer[Any], found: Reviews) -> Generation:
    calls = [answer, *found.answers]
    return Generation(
        items=[],
        blocked=[Blocked(reasons=one.reasons) for one in found.each if not one.approved],
        generation_id=answer.generation_id,
        model=answer.model,
        prompt_version=agents.CONTENT.prompt_version,
        tokens=Tokens(
            input=sum(call.usage.input_tokens for call in calls),
            cached=sum(call.usage.cached_tokens for call in calls),
            output=sum(call.usage.output_tokens for call in calls),
        ),
        latency_ms=sum(call.latency_ms for call in calls),
        cost=Cost.of(sum(call.cost_nanos for call in calls)),
        tier=answer.decision.tier,
        reason=answer.decision.reason,
        degraded=answer.degraded,
    )
