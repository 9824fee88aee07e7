"""What a creator does in a thread: send and unsend."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.fan_platform.pages import fan_of, message_facts, names_for
from local.fan_platform.platform import Platform, platform_of
from local.fan_platform.records import Creator, Fan

LONGEST_TEXT = 10_000
WINDOW = timedelta(seconds=60)


class Submission(BaseModel):
    """What the composer sends."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    price_cents: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    media: list[str] = []


async def send(request: Request, creator: Creator) -> Response:
    """Accept a message, or say why not."""
    platform = platform_of(request)
    try:
        submission = Submission.model_validate_json(await request.body())
    except ValidationError:
        return _word("bad_message", 422)
    fan = fan_of(request, creator)
    no = _refused(platform, creator, fan, submission)
    if no or fan is None:
        return no or _word("fan_gone", 404)
    if platform.faults.takes("hang_before_accept", creator.id):
        return await _never(request)
    message = platform.store.accept(
        fan,
        "out",
        submission.text,
        price_cents=submission.price_cents,
        media=submission.media,
        rewrites=platform.faults.rewrites(creator.id),
    )
    platform.faults.count_accepted(creator.id)
    if platform.faults.takes("hang_after_accept", creator.id):
        return await _never(request)
    if platform.faults.takes("error_after_accept", creator.id):
        return _word("server_error", 500)
    html = platform.templates.get_template("message.html").render(
        message=message_facts(message), names=names_for(platform.faults.drift(creator.id))
    )
    crash = platform.faults.crash(creator.id, fan.fan_id, "sent")
    return JSONResponse({"id": message.id, "html": html, "crash": crash}, status_code=201)


async def unsend(request: Request, creator: Creator) -> Response:
    """Take a message back."""
    done = platform_of(request).store.unsend(
        creator.id, request.path_params["fan_id"], request.path_params["message_id"]
    )
    return Response(status_code=204) if done else _word("no_such_message", 404)


def _refused(
    platform: Platform, creator: Creator, fan: Fan | None, submission: Submission
) -> Response | None:
    if fan is None or platform.faults.is_gone(fan.fan_id, creator.id):
        return _word("fan_gone", 404)
    if platform.faults.is_blocked_by(fan.fan_id, creator.id):
        return _word("fan_blocked", 403)
    if not submission.text.strip() and not submission.media:
        return _word("empty_message", 422)
    if submission.media:
        vault = {one.media_id for one in platform.store.vault(creator.id)}
        if not vault.issuperset(submission.media):
            return _word("no_such_media", 422)
    return _word("too_fast", 429) if _goes_too_fast(platform, creator.id) else None


def _goes_too_fast(platform: Platform, creator_id: str) -> bool:
    """Count a message over the platform's own limit; return whether it is refused for it."""
    rule = platform.faults.rate_rule(creator_id)
    now = datetime.now(UTC)
    if rule is None:
        return False
    if platform.store.accepted_since(creator_id, now - WINDOW) < rule.messages_per_minute:
        return False
    platform.store.count_violation(creator_id)
    if rule.enforce and rule.cooldown_seconds:
        platform.cooling_until[creator_id] = now + timedelta(seconds=rule.cooldown_seconds)
    return rule.enforce


async def _never(request: Request) -> Response:
    """Leave the other side waiting until it hangs up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return _word("gone", 499)


def _word(error: str, status: int) -> Response:
    return JSONResponse({"error": error}, status_code=status)
