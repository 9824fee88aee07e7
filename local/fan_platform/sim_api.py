"""The test API: read the truth, make people, make trouble. A real platform has none of this."""

import json
import secrets
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.fan_platform.fan_acts import FanActs
from local.fan_platform.faults import FaultOrder
from local.fan_platform.money import Ledger
from local.fan_platform.passwords import hash_password
from local.fan_platform.platform import Platform, platform_of
from local.fan_platform.pushing import PushOrder
from local.fan_platform.records import Creator, Fan, Medium, Message
from local.fan_platform.simulation import Simulation, seeded_fans
from local.fan_platform.statistics import statistics
from local.fan_platform.store import Store, iso

Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\s]+$")]
Cents = Annotated[int, Field(ge=0)]


class MediumOrder(BaseModel):
    """Something to put into a vault."""

    model_config = ConfigDict(extra="forbid")

    id: Id
    kind: Literal["image", "video", "audio"] = "image"
    title: str = ""


def default_vault() -> list[MediumOrder]:
    """Return the dozen media of a creator who names none."""
    return [MediumOrder(id=f"media-{n:03}", title=f"Set {n}") for n in range(1, 13)]


class CreatorOrder(BaseModel):
    """A creator's account to make, or to change when the id is known."""

    model_config = ConfigDict(extra="forbid")

    id: Id = Field(default_factory=lambda: f"c{secrets.token_hex(6)}")
    username: str
    password: str
    display_name: str | None = None
    otp_secret: str | None = Field(default=None, description="base32; codes as in RFC 6238")
    otp_code: str | None = Field(default=None, description="a code that is always right")
    media: list[MediumOrder] = Field(default_factory=default_vault)


class FanOrder(BaseModel):
    """A fan to make or to change; columns of an import that mean nothing here are left out."""

    model_config = ConfigDict(extra="ignore")

    platform_id: Id
    handle: str
    display_name: str | None = None
    status: Literal["active", "expired", "follower"] = "active"
    price_cents: Cents | None = None
    rebill_on: bool | None = None
    subscribed_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    last_seen_at: AwareDatetime | None = None


class FansOrder(BaseModel):
    """Fans of one creator; with a seed they act as the clock advances."""

    model_config = ConfigDict(extra="forbid")

    creator: str
    seed: int | None = None
    fans: list[FanOrder]


class SeedOrder(BaseModel):
    """So many invented fans, the same for the same seed."""

    model_config = ConfigDict(extra="forbid")

    creator: str
    seed: int = 1
    fans: Annotated[int, Field(ge=1, le=1_000_000)] = 100


class InboundOrder(BaseModel):
    """A fan writes to a creator."""

    model_config = ConfigDict(extra="forbid")

    creator: str
    fan: str
    text: Annotated[str, Field(max_length=10_000)] = ""
    tip_cents: Cents = 0

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.text.strip() and not self.tip_cents:
            raise ValueError("a message has a text or a tip")
        return self


class ActOrder(BaseModel):
    """A fan does something now: looks at a message, unlocks it, or is just there."""

    model_config = ConfigDict(extra="forbid")

    creator: str
    fan: str
    act: Literal["open", "buy", "come_online"]
    message: str | None = Field(default=None, description="of the creator's; what is meant by act")


class ClockOrder(BaseModel):
    """How far to advance the platform's clock."""

    model_config = ConfigDict(extra="forbid")

    advance_seconds: Annotated[float, Field(ge=0, le=366 * 86_400)]


class SimError(Exception):
    """The order cannot be followed."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


async def health(_request: Request) -> Response:
    """Say that the platform is up."""
    return JSONResponse({"status": "ok"})


async def creators(request: Request) -> Response:
    """Make a creator's account."""
    order = await _order(request, CreatorOrder)
    store = platform_of(request).store
    namesake = store.creator_named(order.username)
    if namesake and namesake.id != order.id:
        raise SimError(409, f"The name {order.username!r} belongs to creator {namesake.id}.")
    creator = Creator(
        id=order.id,
        username=order.username,
        display_name=order.display_name or order.username,
        password_hash=hash_password(order.password),
        otp_secret=order.otp_secret,
        otp_code=order.otp_code,
        rate_violations=0,
    )
    store.save_creator(creator)
    store.save_media(order.id, [Medium(one.id, one.kind, one.title) for one in order.media])
    return JSONResponse({"id": order.id, "username": order.username}, status_code=201)


async def fans(request: Request) -> Response:
    """Make or import fans."""
    order = await _order(request, FansOrder)
    platform = platform_of(request)
    _known_creator(platform, order.creator)
    count = platform.store.save_fans(_fan(order.creator, one, order.seed) for one in order.fans)
    return JSONResponse({"creator": order.creator, "fans": count}, status_code=201)


async def seed(request: Request) -> Response:
    """Invent fans with a past and a behaviour."""
    order = await _order(request, SeedOrder)
    platform = platform_of(request)
    _known_creator(platform, order.creator)
    made = seeded_fans(platform.store, order.creator, seed=order.seed, count=order.fans)
    return JSONResponse(
        {"creator": order.creator, "seed": order.seed, "fans": made}, status_code=201
    )


async def inbound(request: Request) -> Response:
    """Let a fan write."""
    order = await _order(request, InboundOrder)
    store = platform_of(request).store
    fan = _known_fan(store, order.creator, order.fan)
    message = FanActs(store).write(fan, order.text, tip_cents=order.tip_cents)
    return JSONResponse({"id": message.id, "at": message.platform_at}, status_code=201)


async def act(request: Request) -> Response:
    """Let a fan open or unlock a message, or come online."""
    order = await _order(request, ActOrder)
    store = platform_of(request).store
    fan = _known_fan(store, order.creator, order.fan)
    acts, now = FanActs(store), store.now()
    if order.act != "come_online":
        message = store.message(order.creator, order.message or "")
        if message is None or (message.fan_id, message.direction) != (fan.fan_id, "out"):
            raise SimError(404, f"Fan {fan.fan_id!r} has no message {order.message!r}.")
        acts.open(fan, message.id, now)
        if order.act == "buy" and message.paid_at is None:
            if not message.price_cents:
                raise SimError(409, f"Message {message.id!r} costs nothing.")
            acts.buy(fan, message.id, message.price_cents, now)
    acts.come_online(fan, now)
    return JSONResponse({"at": iso(now)})


async def clock(request: Request) -> Response:
    """Advance the platform's clock and let fans act up to then."""
    order = await _order(request, ClockOrder)
    platform = platform_of(request)
    async with platform.clock_moves:
        acted = await Simulation(platform.store).advance(order.advance_seconds)
    return JSONResponse({"now": iso(platform.store.now()), "acted": acted})


async def messages(request: Request) -> Response:
    """Return every message that was accepted from a creator, unsent ones included."""
    platform = platform_of(request)
    creator = request.query_params.get("creator")
    if creator is not None:
        _known_creator(platform, creator)
    detail = request.query_params.get("detail") in {"1", "true"}
    return JSONResponse([_truth(one, detail=detail) for one in platform.store.sent(creator)])


async def transactions(request: Request) -> Response:
    """Return every movement of a creator's money, latest first."""
    platform = platform_of(request)
    creator = request.query_params.get("creator", "")
    _known_creator(platform, creator)
    rows = Ledger(platform.store).page(creator, before=None, limit=1_000_000)
    names = (
        *("id", "type", "amount_cents", "fee_cents", "net_cents", "currency", "created_at"),
        *("message_id", "reverses", "description"),
    )
    return JSONResponse(
        [{"fan": row.fan_id, **{name: getattr(row, name) for name in names}} for row in rows]
    )


async def stats(request: Request) -> Response:
    """Return figures of what a creator did, for checks from outside."""
    platform = platform_of(request)
    creator = request.query_params.get("creator", "")
    _known_creator(platform, creator)
    return JSONResponse(statistics(platform.store, creator))


async def faults(request: Request) -> Response:
    """List, set or clear faults."""
    platform = platform_of(request)
    if request.method == "POST":
        order = await _order(request, FaultOrder)
        if order.creator is not None:
            _known_creator(platform, order.creator)
        platform.faults.set(order)
    elif request.method == "DELETE":
        creator = request.query_params.get("creator")
        platform.faults.clear(creator)
        if creator is None:
            platform.cooling_until.clear()
        else:
            platform.cooling_until.pop(creator, None)
    return JSONResponse({"faults": platform.faults.listed()})


async def webhooks(request: Request) -> Response:
    """Push a creator's events, or tell how many are under way."""
    platform = platform_of(request)
    if request.method == "POST":
        order = await _order(request, PushOrder)
        _known_creator(platform, order.creator)
        platform.pusher.set(order)
    return JSONResponse(platform.pusher.figures())


def routes() -> list[Route]:
    """Return the routes of the test API."""
    doors = [
        ("/_sim/health", health, "GET"),
        ("/_sim/creators", creators, "POST"),
        ("/_sim/fans", fans, "POST"),
        ("/_sim/seed", seed, "POST"),
        ("/_sim/inbound", inbound, "POST"),
        ("/_sim/act", act, "POST"),
        ("/_sim/clock", clock, "POST"),
        ("/_sim/messages", messages, "GET"),
        ("/_sim/transactions", transactions, "GET"),
        ("/_sim/stats", stats, "GET"),
    ]
    return [
        Route("/_sim/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/_sim/webhooks", webhooks, methods=["GET", "POST"]),
        *(Route(path, door, methods=[method]) for path, door, method in doors),
    ]


async def refused(_request: Request, error: Exception) -> Response:
    """Render an order that cannot be followed."""
    status = error.status if isinstance(error, SimError) else 500
    return JSONResponse({"error": "BadOrder", "detail": str(error)}, status_code=status)


async def _order[T: BaseModel](request: Request, model: type[T]) -> T:
    try:
        return model.model_validate(json.loads(await request.body() or b"{}"))
    except json.JSONDecodeError as error:
        raise SimError(400, f"The body is not JSON: {error}.") from None
    except ValidationError as error:
        raise SimError(422, _sentence(error, model)) from None


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    parts = []
    for one in error.errors():
        place = ".".join(str(step) for step in one["loc"]) or "body"
        if one["type"] == "extra_forbidden":
            known = ", ".join(sorted(model.model_fields))
            parts.append(f"{place!r} is not known here (known: {known})")
        else:
            parts.append(f"{place!r}: {one['msg']}")
    return "; ".join(parts) + "."


def _known_creator(platform: Platform, creator_id: str) -> None:
    if platform.store.creator(creator_id) is None:
        raise SimError(404, f"There is no creator {creator_id!r}.")


def _known_fan(store: Store, creator_id: str, fan_id: str) -> Fan:
    fan = store.fan(creator_id, fan_id)
    if fan is None:
        raise SimError(404, f"Creator {creator_id!r} has no fan {fan_id!r}.")
    return fan


def _fan(creator_id: str, order: FanOrder, seed_number: int | None) -> Fan:
    return Fan(
        creator_id=creator_id,
        fan_id=order.platform_id,
        handle=order.handle,
        display_name=order.display_name or order.handle,
        status=order.status,
        price_cents=order.price_cents or 0,
        rebill_on=bool(order.rebill_on),
        subscribed_at=_moment(order.subscribed_at),
        expires_at=_moment(order.expires_at),
        last_seen_at=_moment(order.last_seen_at),
        seed=seed_number,
    )


def _moment(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None


def _truth(message: Message, *, detail: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": message.id,
        "creator": message.creator_id,
        "fan": message.fan_id,
        "text": message.text,
        "price_cents": message.price_cents,
        "media": list(message.media),
        "accepted_at": message.accepted_at,
    }
    if detail:
        row |= {
            "displayed": message.displayed,
            "opened_at": message.opened_at,
            "paid_at": message.paid_at,
            "unsent_at": message.unsent_at,
        }
    return row
