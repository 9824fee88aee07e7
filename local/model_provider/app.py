"""The web application: chat completions of both providers, and ``/_sim`` to play faults."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.model_provider import assistant, chatter, sim_api
from local.model_provider.state import Charged, FaultPlan, State
from local.model_provider.words import Speaker, tokens

OPENAI, AZURE = "openai", "azure_openai"

# What reading a message costs beside its words.
_FRAMING = 4
_PIECE = 24
_TAKEN = {
    *("model", "messages", "stream", "stream_options", "max_completion_tokens", "response_format"),
    *("prompt_cache_key", "reasoning_effort", "temperature", "seed"),
}
# status, type and code, as the providers write them
_ERRORS: dict[str, tuple[int, str, str | None]] = {
    "down": (503, "server_error", None),
    "server_error": (500, "server_error", None),
    "rate_limited": (429, "requests", "rate_limit_exceeded"),
    "out_of_credit": (402, "insufficient_quota", "insufficient_quota"),
    "out_of_credit_400": (400, "invalid_request_error", "billing_hard_limit_reached"),
    "out_of_credit_429": (429, "insufficient_quota", "insufficient_quota"),
    "bad_key": (401, "invalid_request_error", "invalid_api_key"),
    "filtered": (400, "invalid_request_error", "content_filter"),
}


@dataclass(frozen=True)
class _Reply:
    model: str
    text: str
    reason: str
    usage: dict[str, Any]


def create_app(*, seed: int = 1, state: State | None = None) -> Starlette:
    """Return the stand-in; other seeds, other answers."""
    app = Starlette(
        routes=[
            Route("/", lambda _: JSONResponse({"stands_in_for": [OPENAI, AZURE]})),
            Route("/v1/chat/completions", _openai, methods=["POST"]),
            Route("/openai/deployments/{deployment}/chat/completions", _azure, methods=["POST"]),
            *sim_api.routes(),
        ]
    )
    app.state.stand_in = state or State(seed=seed)
    return app


async def _openai(request: Request) -> Response:
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return _error("bad_key")
    asked = await request.json()
    return await _answer(request.app.state.stand_in, OPENAI, asked.get("model", ""), asked)


async def _azure(request: Request) -> Response:
    if not request.headers.get("api-key") or not request.query_params.get("api-version"):
        return _error("bad_key")
    asked = await request.json()
    return await _answer(
        request.app.state.stand_in, AZURE, request.path_params["deployment"], asked
    )


async def _answer(state: State, provider: str, model: str, asked: dict[str, Any]) -> Response:
    fault = state.fault_for(provider, model)
    state.asked.append(
        {
            "provider": provider,
            "model": model,
            "fault": fault and fault.kind,
            "cache_key": asked.get("prompt_cache_key"),
            "at": state.clock(),
        }
    )
    unknown = sorted(set(asked) - _TAKEN)
    if unknown:
        return _refusal(400, "invalid_request_error", "unsupported_parameter", unknown[0])
    if fault is not None and fault.kind in _ERRORS:
        return _error(fault.kind, fault.seconds)
    wait = state.seconds_to_wait(provider)
    if wait:
        return _error("rate_limited", wait)
    if fault is not None and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    reply = _reply(state, provider, model, asked, fault)
    if not asked.get("stream"):
        if fault is not None and fault.kind in {"bad_json", "cut_off", "drip"}:
            return StreamingResponse(_broken(reply, fault), media_type="application/json")
        return JSONResponse(_whole(reply))
    return StreamingResponse(_pieces(reply, fault), media_type="text/event-stream")


def _reply(
    state: State, provider: str, model: str, asked: dict[str, Any], fault: FaultPlan | None
) -> _Reply:
    messages = asked["messages"]
    wanted = asked.get("response_format") or {}
    schema = wanted.get("json_schema") or {}
    script = state.scripts.get(schema.get("name", ""))
    if fault is not None and fault.kind == "wrong_answer":
        text = '{"not": "what was asked for"}'
    elif script:
        text = json.dumps(script.pop(0) if len(script) > 1 else script[0])
    elif schema.get("name") == assistant.SCHEMA:
        text = assistant.step(messages)
    elif schema.get("name") == chatter.ANALYSIS:
        text = chatter.read(messages)
    elif schema.get("name") == chatter.REPLIES:
        text = chatter.reply(messages)
    else:
        text = Speaker(f"{state.seed}/{json.dumps(messages)}").answer(schema.get("schema"))
    prefix = messages[0]["content"]
    count = sum(tokens(message["content"]) + _FRAMING for message in messages)
    count += tokens(json.dumps(schema)) if schema else 0
    key = asked.get("prompt_cache_key")
    cached, written = state.kept_tokens(provider, model, key, prefix, tokens(prefix))
    most = asked.get("max_completion_tokens") or tokens(text)
    output = min(tokens(text), most)
    state.charged.append(
        Charged(provider, model, count, cached, written, output, key, state.clock())
    )
    return _Reply(
        model=model,
        text=text,
        reason="stop" if tokens(text) <= most else "length",
        usage={
            "prompt_tokens": count,
            "completion_tokens": output,
            "total_tokens": count + output,
            "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    )


def _whole(reply: _Reply) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text, "refusal": None}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reply.reason}],
        "usage": reply.usage,
    }


async def _broken(reply: _Reply, fault: FaultPlan) -> AsyncIterator[str]:
    """The answer in one body, as a fault makes it."""
    text = json.dumps(_whole(reply))
    if fault.kind == "bad_json":
        yield text.replace('"usage":', '"usage')
        return
    for at in range(0, len(text), _PIECE):
        if fault.kind == "drip":
            await asyncio.sleep(fault.seconds)
        elif at >= len(text) // 2:
            raise ConnectionAbortedError("the connection is closed half way")
        yield text[at : at + _PIECE]


async def _pieces(reply: _Reply, fault: FaultPlan | None) -> AsyncIterator[str]:
    """The answer as server-sent events; broken where a fault says so."""
    name = f"chatcmpl-{uuid.uuid4().hex}"

    def event(choices: list[dict[str, Any]], **more: Any) -> str:  # noqa: ANN401  (JSON)
        chunk = {
            "id": name,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": reply.model,
            "choices": choices,
            **more,
        }
        return f"data: {json.dumps(chunk)}\n\n"

    kind = fault.kind if fault else None
    texts = [reply.text[at : at + _PIECE] for at in range(0, len(reply.text), _PIECE)]
    for number, text in enumerate(texts):
        if kind == "drip" and fault is not None:
            await asyncio.sleep(fault.seconds)
        if number >= len(texts) // 2:
            if kind == "cut_off":
                raise ConnectionAbortedError("the stream is closed half way")
            if kind == "bad_json":
                yield 'data: {"id": "chatcmpl-\n\n'
                return
        yield event([{"index": 0, "delta": {"content": text}, "finish_reason": None}])
    yield event([{"index": 0, "delta": {}, "finish_reason": reply.reason}])
    yield event([], usage=reply.usage)
    yield "data: [DONE]\n\n"


def _error(kind: str, seconds: float = 0.0) -> Response:
    status, error_type, code = _ERRORS[kind]
    response = _refusal(status, error_type, code, None)
    if kind == "rate_limited":
        response.headers["retry-after-ms"] = str(round(seconds * 1000))
        response.headers["retry-after"] = str(max(1, round(seconds)))
    return response


def _refusal(status: int, error_type: str, code: str | None, param: str | None) -> Response:
    error = {"message": "Refused by the stand-in.", "type": error_type, "code": code}
    return JSONResponse({"error": {**error, "param": param}}, status_code=status)
