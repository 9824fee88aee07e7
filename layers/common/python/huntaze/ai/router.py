"""From a request to an answer: budget, breaker, provider, next provider, books.

No transaction is open while a provider works.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ValidationError

from huntaze import metrics
from huntaze.ai.answers import Answers, question_of
from huntaze.ai.booking import Books, Work
from huntaze.ai.breaker import Verdict
from huntaze.ai.catalogue import Catalogue, Provider
from huntaze.ai.circuits import Admission
from huntaze.ai.errors import (
    BudgetUsedUpError,
    DeclinedTextError,
    NoAnswerError,
    PromptTooLongError,
    UnusableAnswerError,
)
from huntaze.ai.ledger import End, Grant, Ledger, Opening, Reserve
from huntaze.ai.models import Answer, Decision, Hop, Prompt, Reason, Request
from huntaze.ai.preferences import NO_PREFERENCES, Preferences
from huntaze.ai.providers import Call, Completion, Fault, ProviderFaultError
from huntaze.ai.routing import decide, degraded, economised
from huntaze.ai.schemas import response_format
from huntaze.ai.tasks import rules_of
from huntaze.ai.turns import Turns

# Less is not worth a call.
_SHORTEST_CALL = 0.2
# While another provider is left, one may take this part of the time that remains.
_SHARE_OF_A_CALL = 0.6
# Answers that do not validate are asked for once more.
_ASKED_AGAIN = 1
# The part of the length that is left when the budget is used up.
_SHORTER = 2
_LONGEST_REMARK = 1000

log = logging.getLogger(__name__)


class Gateway(Protocol):
    """The providers, as the router sees them."""

    def available(self) -> frozenset[Provider]:
        """The providers that may be asked."""
        ...

    def complete(self, call: Call) -> Completion:
        """Have a model answer."""
        ...


@dataclass(frozen=True)
class Tools:
    """What the router works with.

    Args:
        models: The catalogue.
        gateway: The providers.
        ledger: The books.
        circuits: The breakers.
        answers: The kept answers.
        now: The time of day.
        clock: Seconds that only grow.
        sleep: Waits.
        chance: A number from 0 to 1.
        new_id: Makes an id.
        preferences: What workspaces want otherwise.
    """

    models: Catalogue
    gateway: Gateway
    ledger: Ledger
    circuits: Admission
    answers: Answers
    now: Callable[[], datetime]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    new_id: Callable[[], UUID]
    preferences: Preferences = NO_PREFERENCES


class Router:
    """Answers requests.

    Args:
        tools: What it works with.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._books = Books(tools.models, tools.ledger, tools.new_id)

    def generate[O: BaseModel](
        self, request: Request, prompt: Prompt, output: type[O]
    ) -> Answer[O]:
        """Have a model work on ``prompt``; see `huntaze.ai.Writer`."""
        tools = self._tools
        started = tools.clock()
        decision = self._decision(request)
        work = Work(
            opening=Opening(tools.new_id(), request, decision),
            prompt=prompt,
            response_format=response_format(output),
            turns=Turns(decision.hops),
            started=started,
            output_tokens=request.output_tokens,
        )
        kept_for = rules_of(request.task).keep_for
        question = ""
        if kept_for is not None:
            question = question_of(request, decision, prompt, work.response_format)
            known = self._known(work, question, output)
            if known is not None:
                return known
        self._require_room(work)
        answer = self._ask(work, output)
        if kept_for is not None and not work.degraded:
            tools.answers.keep(
                question,
                request,
                answer.value.model_dump_json(),
                now=tools.now(),
                kept_for=kept_for,
            )
        return answer

    def _decision(self, request: Request) -> Decision:
        tools = self._tools
        providers, today = tools.gateway.available(), tools.now().astimezone(UTC).date()
        decision = decide(request, tools.models, providers=providers, today=today)
        # Asked only where it can change anything: somebody waits.
        if decision.reason is Reason.COMPLEX and request.task in tools.preferences.economy_tasks(
            request.workspace_id
        ):
            return economised(decision, tools.models, providers=providers, today=today)
        return decision

    def _known[O: BaseModel](self, work: Work, question: str, output: type[O]) -> Answer[O] | None:
        """The answer that was given to the same question before."""
        tools = self._tools
        text = tools.answers.find(question, work.opening.request, tools.now())
        if text is None:
            return None
        try:
            value = output.model_validate_json(text)
        except ValidationError:
            return None
        hop = work.opening.decision.hops[0]
        self._books.note_hit(work, hop)
        return self._answer(work, value, None, hop.model)

    def _ask[O: BaseModel](self, work: Work, output: type[O]) -> Answer[O]:
        for _ in range(1 + _ASKED_AGAIN):
            hop, completion, reserve, latency_ms = self._completion(work)
            try:
                value = _read(completion, output)
            except ValueError as error:
                self._books.settle(work, reserve, completion.usage, latency_ms)
                work.remark = _remark(error)
                continue
            self._books.settle(work, reserve, completion.usage, latency_ms, End("answered", hop))
            return self._answer(work, value, hop.provider, hop.model)
        raise self._books.ended(
            work, UnusableAnswerError("The models did not answer in the form asked for.")
        )

    def _completion(self, work: Work) -> tuple[Hop, Completion, Reserve, int]:
        """Ask whose turn it is until somebody answers."""
        tools = self._tools
        while (turn := work.turns.next()) is not None:
            hop, ready_at = turn
            now = tools.clock()
            if max(now, ready_at) + _SHORTEST_CALL > work.ends:
                break
            if ready_at > now:
                tools.sleep(ready_at - now)
            left = work.ends - tools.clock()
            seconds = left * _SHARE_OF_A_CALL if work.turns.others else left
            verdict, probe = tools.circuits.admit(hop, lease=seconds + 5)
            if verdict is Verdict.REFUSE:
                work.turns.leave_out(hop)
                continue
            reserve, grant = self._books.reserve(work, hop)
            if not grant.granted:
                tools.circuits.let_go(hop, probe)
                self._make_do(work, grant)
                continue
            begun = tools.clock()
            try:
                completion = tools.gateway.complete(self._call(work, hop, grant, seconds))
            except ProviderFaultError as error:
                self._note_fault(work, reserve, error, probe, begun)
                continue
            tools.circuits.succeeded(hop, probe)
            return hop, completion, reserve, round((tools.clock() - begun) * 1000)
        raise self._books.ended(
            work, NoAnswerError("No model answered in time. Try again in a minute.")
        )

    def _call(self, work: Work, hop: Hop, grant: Grant, seconds: float) -> Call:
        key = None if grant.shard is None else f"{work.prefix}-{grant.shard}"
        return Call(
            model=self._tools.models.find(hop.provider, hop.model),
            prompt=work.prompt,
            response_format=work.response_format,
            output_tokens=work.output_tokens,
            cache_key=key,
            remark=work.remark,
            seconds=seconds,
        )

    def _make_do(self, work: Work, grant: Grant) -> None:
        """Go on with less, if the workspace and the work allow it.

        Raises:
            BudgetUsedUpError: They do not, or it is too much still.
        """
        tools = self._tools
        less = None
        if grant.may_degrade and not work.degraded:
            less = degraded(
                work.opening.decision,
                tools.models,
                providers=tools.gateway.available(),
                today=tools.now().astimezone(UTC).date(),
            )
        if less is None:
            metrics.record(metrics.AI_REFUSED_BY_BUDGET, 1)
            resets_at = grant.resets_at or tools.now()
            wait = max(1, math.ceil((resets_at - tools.now()).total_seconds()))
            raise self._books.ended(
                work,
                BudgetUsedUpError(
                    f"The workspace's budget for AI has no room for this until"
                    f" {resets_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC.",
                    retry_after=wait,
                ),
            )
        work.degraded = True
        work.output_tokens = max(1, work.output_tokens // _SHORTER)
        work.remark = f"Be brief: the whole answer must fit into {work.output_tokens} tokens."
        work.opening = replace(work.opening, decision=less)
        work.turns = Turns(less.hops)

    def _note_fault(
        self,
        work: Work,
        reserve: Reserve,
        error: ProviderFaultError,
        probe: int | None,
        begun: float,
    ) -> None:
        tools, hop = self._tools, reserve.hop
        now = tools.clock()
        metrics.record(metrics.AI_FAULTS, 1, provider=hop.provider.value, fault=error.fault.value)
        log.warning(
            "a model did not answer", extra={"circuit": hop.circuit, "fault": error.fault.value}
        )
        latency_ms = round((now - begun) * 1000)
        self._books.note_fault(work, reserve, latency_ms, is_free=error.is_free)
        if error.fault is Fault.FILTERED:
            tools.circuits.let_go(hop, probe)
            raise self._books.ended(
                work, DeclinedTextError("The model declines to work on this text.")
            )
        is_broke = error.fault is Fault.OUT_OF_CREDIT
        tools.circuits.failed(hop, probe, out_of_credit=is_broke)
        work.turns.note(hop, error, now, tools.chance())

    def _answer[O: BaseModel](
        self, work: Work, value: O, provider: Provider | None, model: str
    ) -> Answer[O]:
        return Answer(
            value=value,
            generation_id=work.opening.generation_id,
            decision=work.opening.decision,
            provider=provider,
            model=model,
            usage=work.usage,
            cost_nanos=work.cost_nanos,
            latency_ms=round((self._tools.clock() - work.started) * 1000),
            cached=provider is None,
            degraded=work.degraded,
        )

    def _require_room(self, work: Work) -> None:
        """Refuse what no model of the decision reads as a whole.

        Raises:
            PromptTooLongError: It may be too long.
        """
        hops, find = work.opening.decision.hops, self._tools.models.find
        models = [find(hop.provider, hop.model) for hop in hops]
        room = min(model.context_tokens - model.reasoning_tokens for model in models)
        if work.input_tokens() + work.output_tokens > room:
            raise self._books.ended(
                work, PromptTooLongError(f"The prompt and its answer must fit into {room} tokens.")
            )


def _read[O: BaseModel](completion: Completion, output: type[O]) -> O:
    """The answer as what was asked for.

    Raises:
        ValueError: It is something else, or only its beginning.
    """
    if not completion.finished:
        raise ValueError("it was longer than it may be")
    return output.model_validate_json(completion.text)


def _remark(error: ValueError) -> str:
    """What a model is told about its answer: where it was wrong, not what it said."""
    if isinstance(error, ValidationError):
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        said = "; ".join(wrong)
    else:
        said = str(error)
    return f"Your last answer did not fit the schema: {said}"[:_LONGEST_REMARK]
