"""The pages a logged-in creator reads."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from local.fan_platform.money import Ledger
from local.fan_platform.platform import platform_of, refusal, render
from local.fan_platform.records import Creator, Fan, Message
from local.fan_platform.rewriting import displayed_html

THREAD_PAGE = 50
LIST_PAGE = 100

# What a profile knows elements by, and what they are called after the site was redesigned.
NAMES = {
    "composer": "message-text",
    "price": "message-price",
    "send": "send-message",
    "message": "message",
    "message_id": "data-message-id",
}
DRIFTED = {
    "renamed": {"composer": "msg-box-v2", "price": "msg-price-v2", "send": "msg-go-v2"},
    "renamed_messages": {"message": "bubble-v2"},
    "no_message_ids": {"message_id": "data-v2"},
}


async def front(_request: Request) -> Response:
    """Lead to the chats."""
    return RedirectResponse("/chats")


async def way_out(request: Request) -> Response:
    """Warn before a link leaves the platform; nothing is followed by itself."""
    return render(request, "notice.html", kind="leaving", title="You are leaving for another site")


async def thread_page(request: Request, creator: Creator) -> Response:
    """Show the chat with one fan."""
    platform = platform_of(request)
    fan = fan_of(request, creator)
    drift = platform.faults.drift(creator.id)
    if fan and drift == "other_fan":
        fan = _another(platform.store.fans(creator.id, after="", limit=2), fan)
    if fan is None or platform.faults.is_gone(fan.fan_id, creator.id):
        return refusal(
            request, 404, "fan_gone", "notice.html", kind="gone", title="This user does not exist"
        )
    store = platform.store
    before = request.query_params.get("before")
    position = store.position(creator.id, before) if before else None
    messages = store.thread(creator.id, fan.fan_id, before=position, limit=THREAD_PAGE + 1)
    store.read_thread(creator.id, fan.fan_id)
    return render(
        request,
        "thread.html",
        creator=creator,
        fan=fan,
        messages=[message_facts(one) for one in messages[-THREAD_PAGE:]],
        older=messages[-THREAD_PAGE].id if len(messages) > THREAD_PAGE else None,
        blocked=platform.faults.is_blocked_by(fan.fan_id, creator.id),
        crash=platform.faults.crash(creator.id, fan.fan_id, "open"),
        names=names_for(drift),
        scrolls=drift == "scrolling",
    )


async def vault(request: Request, creator: Creator) -> Response:
    """List the creator's media for the picker."""
    media = platform_of(request).store.vault(creator.id)
    return JSONResponse(
        [{"id": one.media_id, "kind": one.kind, "title": one.title} for one in media],
        headers={"cache-control": "no-store"},
    )


async def subscribers_page(request: Request, creator: Creator) -> Response:
    """List the creator's fans."""
    after = request.query_params.get("after", "")
    fans = platform_of(request).store.fans(creator.id, after=after, limit=LIST_PAGE + 1)
    return render(
        request,
        "subscribers.html",
        creator=creator,
        fans=fans[:LIST_PAGE],
        next=fans[LIST_PAGE - 1].fan_id if len(fans) > LIST_PAGE else None,
    )


async def chats_page(request: Request, creator: Creator) -> Response:
    """List the creator's chats, latest first."""
    before = request.query_params.get("before", "")
    threads = platform_of(request).store.threads(
        creator.id, before=int(before) if before.isdigit() else None, limit=LIST_PAGE + 1
    )
    return render(
        request,
        "chats.html",
        creator=creator,
        threads=threads[:LIST_PAGE],
        next=threads[LIST_PAGE - 1].seq if len(threads) > LIST_PAGE else None,
    )


async def earnings_page(request: Request, creator: Creator) -> Response:
    """List what fans have paid, latest first."""
    before = request.query_params.get("before", "")
    ledger = Ledger(platform_of(request).store)
    rows = ledger.page(creator.id, before=before or None, limit=LIST_PAGE + 1)
    return render(
        request,
        "earnings.html",
        creator=creator,
        transactions=rows[:LIST_PAGE],
        net_cents=ledger.net_cents(creator.id),
        next=rows[LIST_PAGE - 1].id if len(rows) > LIST_PAGE else None,
    )


def fan_of(request: Request, creator: Creator) -> Fan | None:
    """Return the fan whom the address names."""
    return platform_of(request).store.fan(creator.id, request.path_params["fan_id"])


def names_for(drift: str | None) -> dict[str, str]:
    """Return the names of the elements of a thread, drifted or not."""
    return {**NAMES, **DRIFTED.get(drift or "", {})}


def message_facts(message: Message) -> dict[str, Any]:
    """Return what the template of a message shows."""
    return {
        "id": message.id,
        "direction": message.direction,
        "html": displayed_html(message.text, message.rewrites),
        "price_cents": message.price_cents,
        "media": message.media,
        "at": message.platform_at,
        "opened_at": message.opened_at,
        "paid_at": message.paid_at,
        "tip_cents": message.tip_cents,
    }


def _another(fans: list[Fan], than: Fan) -> Fan:
    return next((fan for fan in fans if fan.fan_id != than.fan_id), than)
