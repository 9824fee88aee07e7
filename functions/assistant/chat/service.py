"""Rules of the assistant: it looks at figures, answers with them, and is not believed otherwise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from functions.assistant.chat import wording
from functions.assistant.chat.checking import cited_in, problem_of
from functions.assistant.chat.models import (
    AssistantStep,
    Call,
    Chat,
    Desk,
    Figure,
    NewTurn,
    Question,
    Reply,
    Saying,
    Status,
    Tool,
)
from functions.assistant.chat.prompts import VERSION, prompt_of
from huntaze import ai
from huntaze.errors import ConflictError

# How often it looks before it has to answer, and how much it may have seen by then.
MAX_ROUNDS = 3
MAX_FIGURES = 150
# API Gateway answers for a function that took longer than 29 seconds.
DEADLINE = 24.0
_SHORTEST_STEP = 1.0
_OUTPUT_TOKENS = 900
MAX_TURNS = 50


class ChatFullError(ConflictError):
    """The conversation is as long as one may be."""


class Figures(Protocol):
    """The workspace's figures, as far as the caller may see them; nothing of it writes."""

    def may(self, tool: Tool) -> bool:
        """Whether the caller may look at this."""
        ...

    def look(self, call: Call, desk: Desk) -> list[Figure]:
        """The figures of a call; their ids are given by the caller."""
        ...


class Chats(Protocol):
    """The caller's own conversations."""

    def desk(self, question: Question, now: datetime) -> Desk:
        """What a question is about."""
        ...

    def keep(self, chat_id: UUID | None, desk: Desk, turn: NewTurn) -> Reply | None:
        """Keep a turn, in a new conversation where none is named; None: it is full."""
        ...

    def get(self, chat_id: UUID) -> Chat:
        """A conversation."""
        ...


@dataclass
class _Work:
    """One question on its way to an answer."""

    question: str
    desk: Desk
    rounds_left: int = MAX_ROUNDS
    looks: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)
    done: set[Call] = field(default_factory=set)
    problem: str | None = None

    def prompt(self) -> ai.Prompt:
        return prompt_of(
            self.question,
            self.desk,
            list(self.figures.values()),
            self.looks,
            rounds_left=self.rounds_left,
            problem=self.problem,
        )


def ask(
    question: Question,
    chats: Chats,
    figures: Figures,
    writer: ai.Writer,
    *,
    workspace_id: UUID,
    now: datetime,
    clock: Callable[[], float],
) -> Reply:
    """Answer a question with figures, and keep both.

    Args:
        question: What the caller wants to know.
        chats: The caller's conversations.
        figures: What the caller may look at.
        writer: The models.
        workspace_id: Whose budget pays.
        now: The moment that "today" is of.
        clock: Seconds that only grow.

    Raises:
        ChatFullError: The conversation has no room.
        NoAnswerError: The time was up before there was an answer.
    """
    ends = clock() + DEADLINE
    desk = chats.desk(question, now)
    if len(desk.history) >= MAX_TURNS:
        raise _full()
    work = _Work(question.question, desk)

    def step() -> ai.Answer[AssistantStep]:
        left = ends - clock()
        if left < _SHORTEST_STEP:
            raise ai.NoAnswerError("The answer took too long; ask again, or for less at once.")
        request = ai.Request(
            task=ai.Task.QUESTION,
            workspace_id=workspace_id,
            agent="assistant",
            output_tokens=_OUTPUT_TOKENS,
            creator_id=desk.creator_id,
            prompt_version=VERSION,
            deadline=timedelta(seconds=left),
        )
        return writer.generate(request, work.prompt(), AssistantStep)

    turn = _answer(work, figures, step)
    kept = chats.keep(question.chat_id, desk, turn)
    if kept is None:
        raise _full()
    return kept


def _answer(work: _Work, figures: Figures, step: Callable[[], ai.Answer[AssistantStep]]) -> NewTurn:
    """Let the model look and answer; an answer that cannot be shown is asked for once more."""
    while True:
        answer = step()
        said = answer.value.answer
        if said is None and work.rounds_left:
            work.rounds_left -= 1
            _look(work, answer.value.calls, figures)
            continue
        asked_again = work.problem is not None
        if said is None:
            work.problem = "There are no rounds left: answer now."
        else:
            work.problem = problem_of(said, work.figures)
            if work.problem is None:
                return _turn(work, said, answer.generation_id)
        if asked_again:
            return _refused(work, answer.generation_id)


def _look(work: _Work, calls: Sequence[Call], figures: Figures) -> None:
    for call in calls:
        if call in work.done:
            continue
        work.done.add(call)
        if not figures.may(call.tool):
            work.looks.append(_note(call, "refused: this person may not see it"))
            continue
        room = MAX_FIGURES - len(work.figures)
        found = figures.look(call, work.desk)[:room]
        for one in found:
            name = f"f{len(work.figures) + 1}"
            work.figures[name] = one.model_copy(update={"id": name})
        work.looks.append(_note(call, f"{len(found)} figures"))


def _note(call: Call, result: str) -> dict[str, Any]:
    return {**call.model_dump(mode="json"), "result": result}


def _turn(work: _Work, said: Saying, generation_id: UUID) -> NewTurn:
    return NewTurn(
        question=work.question,
        language=work.desk.language,
        status=Status(said.kind),
        answer=said.text,
        figures=cited_in(said.text, work.figures),
        generation_id=generation_id,
    )


def _refused(work: _Work, generation_id: UUID) -> NewTurn:
    """Nothing of what the model said is shown."""
    return NewTurn(
        question=work.question,
        language=work.desk.language,
        status=Status.REFUSED,
        answer=wording.refusal(work.desk.language),
        figures=[],
        generation_id=generation_id,
    )


def _full() -> ChatFullError:
    return ChatFullError(
        f"A conversation has at most {MAX_TURNS} questions; leave chat_id out to begin another."
    )
