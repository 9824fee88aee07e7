"""Calls of OpenAI and Azure OpenAI: the one place that speaks to a model.

A call runs in another thread: the package bounds each read, not the whole, so that an answer which
comes drop by drop would outlast any deadline. Nobody waits for the thread past it.
"""

import json
import logging
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Annotated, Any

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from huntaze import clients
from huntaze.ai.catalogue import Model, Provider
from huntaze.ai.keys import StageKeys
from huntaze.ai.models import Prompt, Usage
from huntaze.ai.settings import AiSettings
from huntaze.ai.waiting import TookTooLongError, hands

_CONNECT_SECONDS = 2.0
_LONGEST_RETRY_AFTER = 3600.0

_TOO_MANY, _PAYMENT = 429, 402
# With these an account has no credit, whatever the status is.
_OUT_OF_CREDIT = {
    *("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"),
    *("insufficient_credits", "credit_balance_too_low"),
}
_FILTERED = {"content_filter", "content_policy_violation"}

log = logging.getLogger(__name__)


class Fault(StrEnum):
    """What went wrong with a call."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    OUT_OF_CREDIT = "out_of_credit"
    # The key, the deployment or the request is not what the provider takes: an operator's to mend.
    REFUSED = "refused"
    # The provider will not work on this text, and the other one would not either.
    FILTERED = "filtered"
    CUT_OFF = "cut_off"
    GARBLED = "garbled"


# The provider did not work on these: nothing is paid.
_FREE = {
    *(Fault.UNREACHABLE, Fault.RATE_LIMITED, Fault.SERVER_ERROR),
    *(Fault.OUT_OF_CREDIT, Fault.REFUSED, Fault.FILTERED),
}


class ProviderFaultError(Exception):
    """A call that brought no answer.

    Args:
        fault: What went wrong.
        retry_after: Seconds that the provider asked to wait.
    """

    def __init__(self, fault: Fault, *, retry_after: float = 0.0) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.retry_after = retry_after

    @property
    def is_free(self) -> bool:
        """Whether the provider surely charges nothing."""
        return self.fault in _FREE


@dataclass(frozen=True)
class Call:
    """One call of one model.

    Args:
        model: Who is asked.
        prompt: The words.
        response_format: What the answer must look like, as JSON.
        output_tokens: The most tokens that the answer may have.
        cache_key: Which key the kept prefix has; None: no prefix to keep.
        remark: What the model is told beside the prompt: why it is asked again.
        seconds: How long it may take.
    """

    model: Model
    prompt: Prompt
    response_format: str
    output_tokens: int
    cache_key: str | None
    remark: str | None
    seconds: float


@dataclass(frozen=True)
class Completion:
    """What a model answered.

    Args:
        text: The answer.
        usage: What it took.
        finished: Whether the model came to an end by itself.
    """

    text: str
    usage: Usage
    finished: bool


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Details(BaseModel):
    cached_tokens: NonNegativeInt | None = None
    cache_write_tokens: NonNegativeInt | None = None


class _Used(BaseModel):
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt
    prompt_tokens_details: _Details | None = None


class _Told(BaseModel):
    """A chat completion, as far as it counts."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Used


class OpenAiProviders:
    """OpenAI and Azure OpenAI, as far as the stage has keys for them.

    Args:
        settings: Where they are.
        keys: The keys of the providers, by their names.
    """

    def __init__(self, settings: AiSettings, keys: StageKeys) -> None:
        self._settings = settings
        self._keys = keys

    def available(self) -> frozenset[Provider]:
        """The providers that may be asked."""
        with_key = frozenset(provider for provider in Provider if self._keys.of(provider.value))
        # A resource of Azure has an address of its own, which nobody could guess.
        nowhere = () if self._settings.azure_openai_endpoint else (Provider.AZURE_OPENAI,)
        return with_key.difference(nowhere)

    def complete(self, call: Call) -> Completion:
        """Have a model answer.

        Raises:
            ProviderFaultError: It did not.
        """
        client = self._client(call.model.provider)
        try:
            return hands().within(call.seconds, partial(_ask, client, call))
        except TookTooLongError:
            raise ProviderFaultError(Fault.TIMEOUT) from None

    def _client(self, provider: Provider) -> Any:  # noqa: ANN401  (either of two classes)
        settings, key = self._settings, self._keys.of(provider.value)
        if provider is Provider.OPENAI:
            return clients.openai(key, settings.openai_base_url)
        return clients.azure_openai(
            key, settings.azure_openai_endpoint, settings.azure_openai_api_version
        )


def _messages(call: Call) -> list[dict[str, str]]:
    messages = [
        {"role": "system", "content": call.prompt.prefix},
        {"role": "user", "content": call.prompt.suffix},
    ]
    if call.remark:
        messages.append({"role": "user", "content": call.remark})
    return messages


def _ask(client: Any, call: Call) -> Completion:  # noqa: ANN401
    package = clients.openai_package()
    timeout = package.Timeout(call.seconds, connect=min(_CONNECT_SECONDS, call.seconds))
    try:
        # What `chat.completions.create` does, without comparing the words of the request with the
        # package's types and making objects of every part of the answer: that took longer than all
        # else that we add to a call.
        answer = client.post(
            "/chat/completions",
            cast_to=str,
            body={"model": call.model.id, "messages": _messages(call), **_parameters(call)},
            options={"timeout": timeout},
        )
    except Exception as error:
        raise _fault_of(error) from error
    return _read(answer)


def _read(body: str) -> Completion:
    """The parts of an answer that count.

    Raises:
        ProviderFaultError: It is not what providers answer.
    """
    try:
        told = _Told.model_validate_json(body)
    except ValidationError:
        raise ProviderFaultError(Fault.GARBLED) from None
    first, used = told.choices[0], told.usage
    details = used.prompt_tokens_details or _Details()
    usage = Usage(
        used.prompt_tokens,
        details.cached_tokens or 0,
        details.cache_write_tokens or 0,
        used.completion_tokens,
    )
    if usage.cached_tokens + usage.written_tokens > usage.input_tokens:
        raise ProviderFaultError(Fault.GARBLED)
    return Completion(first.message.content or "", usage, finished=first.finish_reason == "stop")


def _parameters(call: Call) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "max_completion_tokens": call.output_tokens + call.model.reasoning_tokens,
        "response_format": _shape(call.response_format),
    }
    if call.cache_key is not None:
        wanted["prompt_cache_key"] = call.cache_key
    return call.model.accepted(**wanted)


@cache
def _shape(response_format: str) -> Any:  # noqa: ANN401  (JSON; the package changes nothing in it)
    return json.loads(response_format)


def _fault_of(error: Exception) -> ProviderFaultError:
    package = clients.openai_package()
    if isinstance(error, package.APIStatusError):
        return _fault_of_status(error)
    if isinstance(error, package.APIConnectionError):
        # Whether the request had left is told by the cause alone.
        before = type(error.__cause__).__name__ in {"ConnectError", "ConnectTimeout", "PoolTimeout"}
        if before:
            return ProviderFaultError(Fault.UNREACHABLE)
        is_late = isinstance(error, package.APITimeoutError)
        return ProviderFaultError(Fault.TIMEOUT if is_late else Fault.CUT_OFF)
    return ProviderFaultError(Fault.GARBLED)


def _fault_of_status(error: Any) -> ProviderFaultError:  # noqa: ANN401  (the package's class)
    status = error.status_code
    words = {str(error.code or ""), str(error.type or "")}
    if status == _PAYMENT or words & _OUT_OF_CREDIT:
        return ProviderFaultError(Fault.OUT_OF_CREDIT)
    if words & _FILTERED:
        return ProviderFaultError(Fault.FILTERED)
    wait = _retry_after(error.response.headers)
    if status == _TOO_MANY:
        return ProviderFaultError(Fault.RATE_LIMITED, retry_after=wait)
    if status >= 500:
        return ProviderFaultError(Fault.SERVER_ERROR, retry_after=wait)
    log.error("a provider refuses calls", extra={"status": status})
    return ProviderFaultError(Fault.REFUSED)


def _retry_after(headers: Any) -> float:  # noqa: ANN401  (of the package's HTTP client)
    """Seconds to wait; providers give whole ones, or milliseconds beside them."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return min(max(float(headers.get(name, "")) / unit, 0.0), _LONGEST_RETRY_AFTER)
        except ValueError:
            continue
    return 0.0
