"""Rules of generations: an agent writes, both checks look, and what they approve is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Protocol
from uuid import UUID

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
from huntaze.domain.compliance.review import Review, Reviews, review
from huntaze.domain.drafts import DraftKind, NewDraft
from huntaze.errors import HuntazeError

# Together they leave the gateway, which waits for 29 seconds, some time.
_WRITING, _CHECKING = timedelta(seconds=15), timedelta(seconds=9)


class CheckUnavailableError(HuntazeError):
    """No model could look at what was written, so nothing of it is approved or kept."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class Desk(Protocol):
    """What generations need of a workspace."""

    def client(self, creator_id: UUID | None) -> agents.Client:
        """For whom the agent works, if the plan has AI at all."""
        ...

    def published(self, creator_id: UUID) -> list[str]:
        """Titles of what the creator has in the library, newest first."""
        ...

    def keep(self, drafts: Sequence[NewDraft]) -> list[UUID]:
        """Keep drafts; answers their ids."""
        ...


@dataclass(frozen=True)
class _Text:
    """One text of an answer."""

    kind: DraftKind
    body: str
    title: str | None = None
    details: dict[str, Any] | None = None

    @property
    def whole(self) -> str:
        """All its words, as the checks read them."""
        tags = " ".join(f"#{tag}" for tag in (self.details or {}).get("hashtags", []))
        return "\n".join(part for part in (self.title, self.body, tags) if part)


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
    return _generate(
        *(writer, desk, client, ai.Task.CONTENT_IDEAS, data, shape, _texts_of_ideas),
        output_tokens=200 * order.count,
        platforms=platforms,
    )


def captions(order: CaptionsOrder, desk: Desk, writer: ai.Writer) -> Generation:
    """Write captions for a subject."""
    client = desk.client(order.creator_id)
    platform = order.platform or client.voice.platform
    data = {**order.model_dump(exclude={"creator_id"}), "platform": platform}

    def texts(value: Several[Caption]) -> list[_Text]:
        return [_Text("caption", one.text) for one in value.items]

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

    def texts(value: Several[Tag]) -> list[_Text]:
        words = list(dict.fromkeys(f"#{one.word}" for one in value.items))
        return [_Text("hashtags", word) for word in words]

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
            lambda value: [_Text("text", value.text, details={"reasons": value.reasons})],
            output_tokens=900,
            platforms=[platform],
        )
    items = [{"title": order.subject, "description": order.goal or order.subject}]
    data = {"items": items, "platform": platform}

    def texts(value: Several[Post]) -> list[_Text]:
        return [
            _Text("post", one.caption, details={"hashtags": one.hashtags}) for one in value.items
        ]

    return _generate(
        *(writer, desk, client, ai.Task.CONTENT_PIPELINES, data, several(Post, 1), texts),
        output_tokens=400,
        platforms=[platform],
    )


def _texts_of_ideas(value: Several[Idea]) -> list[_Text]:
    return [
        _Text(
            "idea",
            one.description,
            one.title,
            {"kind": one.kind, "platform": one.platform, "search_words": one.search_words},
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
    texts_of: Callable[[O], list[_Text]],
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
    found = _checked(texts, platforms, writer, client)
    kept = [(one, said) for one, said in zip(texts, found.each, strict=True) if said.approved]
    drafts = [
        NewDraft(
            creator_id=client.creator_id,
            generation_id=answer.generation_id,
            kind=one.kind,
            platform=platforms[0],
            title=one.title,
            body=one.body,
            details=one.details or {},
            model=answer.model,
            prompt_version=agents.CONTENT.prompt_version,
            review=said,
        )
        for one, said in kept
    ]
    proposals = [
        Proposal(draft_id=draft_id, title=one.title, text=one.body, details=one.details or {})
        for draft_id, (one, _) in zip(desk.keep(drafts), kept, strict=True)
    ]
    return _told(answer, found, proposals)


def _checked(
    texts: list[_Text], platforms: list[str], writer: ai.Writer, client: agents.Client
) -> Reviews:
    """Both checks; a text for several platforms must be fit for each.

    Raises:
        BudgetUsedUpError: The budget has no room for the check.
        CheckUnavailableError: No model could make it.
    """
    words = [one.whole for one in texts]
    every = Reviews([Review(approved=True, reasons=[]) for _ in texts])
    for platform in platforms:
        found = review(words, platform=platform, writer=writer, client=client, deadline=_CHECKING)
        if isinstance(found.outage, ai.BudgetUsedUpError):
            raise found.outage
        if found.outage is not None:
            raise CheckUnavailableError(
                "No model could check what was written, so nothing was kept; try again."
            )
        every.answers += found.answers
        every.each = [
            new if old.approved else old for old, new in zip(every.each, found.each, strict=True)
        ]
    return every


def _told(answer: ai.Answer[Any], found: Reviews, proposals: list[Proposal]) -> Generation:
    calls = [answer, *found.answers]
    return Generation(
        items=proposals,
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
        degraded=answer.degraded,
    )
