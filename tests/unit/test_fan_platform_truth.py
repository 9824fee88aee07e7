"""The fan platform keeps what it accepted, never merges, and fails only as it was told to."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette

from huntaze.signatures import verify
from local.fan_platform.app import create_app
from local.fan_platform.faults import FaultBoard, FaultOrder
from local.fan_platform.passwords import code_matches, hash_password, password_matches, totp
from local.fan_platform.pushing import SIGNATURE
from local.fan_platform.records import Fan
from local.fan_platform.rewriting import displayed_html
from local.fan_platform.simulation import Simulation, seeded_fans
from local.fan_platform.statistics import most_in_window
from local.fan_platform.store import Store

type Ask = Callable[..., Any]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "truth.sqlite3")
    opened.connection.execute(
        "INSERT INTO creators (id, username, display_name, password_hash)"
        " VALUES ('c1', 'mia', 'Mia', '')"
    )
    yield opened
    with suppress(Exception):
        opened.close()


@pytest.fixture
def fan(store: Store) -> Fan:
    bob = Fan("c1", "101", "bob", "Bob", "active", 999, True, None, None, None, None)
    store.save_fans([bob])
    return bob


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Starlette]:
    platform = create_app(tmp_path)
    async with platform.router.lifespan_context(platform):
        yield platform


@pytest.fixture
async def ask(app: Starlette) -> AsyncIterator[Ask]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://fans.test") as client:

        async def request(method: str, path: str, status: int = 200, **options: Any) -> Any:
            answer = await client.request(method, path, **options)
            assert answer.status_code == status, answer.text
            is_json = answer.headers.get("content-type") == "application/json"
            return answer.json() if is_json else answer

        await request(
            "POST", "/_sim/creators", 201, json={"id": "c1", "username": "mia", "password": "pw"}
        )
        fans = [{"platform_id": f"10{n}", "handle": f"fan{n}"} for n in range(4)]
        await request("POST", "/_sim/fans", 201, json={"creator": "c1", "fans": fans})
        await request("POST", "/login", 303, data={"username": "mia", "password": "pw"})
        yield request


def test_two_equal_submits_are_two_messages(store: Store, fan: Fan) -> None:
    first, second = (store.accept(fan, "out", "hi") for _ in range(2))
    assert first.id < second.id
    assert len(store.sent("c1")) == 2


def test_the_truth_survives_a_restart(store: Store, fan: Fan, tmp_path: Path) -> None:
    sent = store.accept(
        fan, "out", "hi  🔥", price_cents=500, media=["m"], rewrites=["white_space"]
    )
    # Not closed: a killed process closes nothing.
    again = Store(tmp_path / "truth.sqlite3")
    assert again.sent("c1") == [sent]
    assert (sent.text, sent.displayed) == ("hi  🔥", "hi 🔥")
    again.close()


def test_an_unsent_message_leaves_the_thread_but_not_the_truth(store: Store, fan: Fan) -> None:
    message = store.accept(fan, "out", "oops")
    assert store.unsend("c1", "101", message.id)
    assert not store.unsend("c1", "101", message.id)
    assert store.thread("c1", "101", before=None, limit=9) == []
    assert [one.id for one in store.sent("c1")] == [message.id]


def test_a_failed_transaction_leaves_nothing(store: Store, fan: Fan) -> None:
    def accept_and_fail() -> None:
        with store.transaction():
            store.accept(fan, "out", "hi")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        accept_and_fail()
    assert store.sent(None) == []


def test_a_sliding_window_is_counted_anywhere() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(seconds=s) for s in (0, 50, 59, 60, 109.5, 200)]
    assert most_in_window(moments, timedelta(seconds=60)) == 4
    assert most_in_window([], timedelta(seconds=60)) == 0


def test_passwords_and_codes() -> None:
    stored = hash_password("secret")
    assert password_matches("secret", stored)
    assert not password_matches("Secret", stored)
    # The vector of RFC 6238 for the ASCII secret 12345678901234567890, cut to six digits.
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert totp(secret, 59) == "287082"
    assert code_matches("287 082", otp_code=None, otp_secret=secret, at=61)
    assert not code_matches("287082", otp_code=None, otp_secret=secret, at=200)
    assert not code_matches("", otp_code=None, otp_secret=None, at=0)


def test_markup_in_a_text_stays_text() -> None:
    html = displayed_html("<b>&</b> https://x.test/<i> 🔥", ["links", "emoji"])
    assert "<b>" not in html
    assert "<i>" not in html
    assert '<img class="emoji" alt="🔥">' in html


@pytest.mark.parametrize(
    "order",
    [
        {"lag": 1},
        {"latency_ms": -1},
        {"error_rate": 1.5},
        {"page_drift": "moved"},
        {"rate_rule": {"messages_per_minute": 0}},
        {"page_crash": {"when": "now"}},
        {"rewrite": ["case"]},
    ],
)
def test_a_fault_that_does_not_exist_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FaultOrder.model_validate(order)


def test_a_creators_own_fault_wins_and_counts_run_out() -> None:
    board = FaultBoard()
    board.set(FaultOrder(latency_ms=1000, error_after_accept=1))
    board.set(FaultOrder(creator="c1", latency_ms=10))
    board.set(FaultOrder(creator="c1", rewrite=True))
    assert board.latency_seconds("c1") == 0.01
    assert board.latency_seconds("c2") == 1
    assert board.rewrites("c1") == ("white_space", "emoji", "links")
    assert board.takes("error_after_accept", "c2")
    assert not board.takes("error_after_accept", "c2")
    board.clear("c1")
    assert board.latency_seconds("c1") == 1
    board.clear()
    assert board.listed() == []


def test_sessions_and_challenges_wait_for_their_message() -> None:
    board = FaultBoard()
    board.set(FaultOrder(creator="c1", session_expiry_after=1, challenge_after=2))
    assert board.scopes_to_log_out("c1") == []
    board.count_accepted("c1")
    assert board.scopes_to_log_out("c1") == ["c1"]
    assert board.scopes_to_log_out("c1") == []
    assert board.challenge("c1") is None
    board.count_accepted("c1")
    assert board.challenge("c1") == "captcha"
    assert board.challenge("c2") is None


def test_a_page_crash_hits_the_thread_it_was_meant_for() -> None:
    board = FaultBoard()
    board.set(FaultOrder(page_crash={"skip": 1, "fan": "7", "mode": "hang"}))
    assert board.crash("c1", "8", "open") is None
    assert board.crash("c1", "7", "sent") is None
    assert board.crash("c1", "7", "open") is None
    assert board.crash("c1", "7", "open") == "hang"
    assert board.crash("c1", "7", "open") is None


async def test_the_same_seed_gives_the_same_day(tmp_path: Path) -> None:
    days = []
    for name in ("one", "two"):
        store = Store(tmp_path / f"{name}.sqlite3")
        store.connection.execute(
            "INSERT INTO creators (id, username, display_name, password_hash)"
            " VALUES (?, 'mia', '', '')",
            (name,),
        )
        seeded_fans(store, name, seed=7, count=300)
        for fan in store.fans(name, after="", limit=300):
            store.accept(fan, "out", "hello", price_cents=500)
        acted = await Simulation(store).advance(86_400)
        rows = store.connection.execute(
            "SELECT fan_id, type, amount_cents FROM transactions ORDER BY 1, 2, 3"
        ).fetchall()
        days.append((acted, [tuple(row) for row in rows]))
        store.close()
    assert days[0] == days[1]
    assert {"open", "buy", "reply", "tip"} <= days[0][0].keys()


async def test_the_test_api_answers_with_clear_sentences(ask: Ask) -> None:
    answer = await ask("POST", "/_sim/faults", 422, json={"creator": "c1", "lag": 1})
    assert "'lag' is not known here" in answer["detail"]
    assert "latency_ms" in answer["detail"]
    await ask("POST", "/_sim/faults", 404, json={"creator": "nobody", "latency_ms": 1})
    await ask("POST", "/_sim/faults", 400, content="{")
    await ask("GET", "/_sim/messages?creator=nobody", 404)
    await ask("POST", "/_sim/inbound", 404, json={"creator": "c1", "fan": "x", "text": "y"})
    await ask("POST", "/_sim/creators", 409, json={"id": "c2", "username": "mia", "password": "x"})


async def test_the_truth_has_the_documented_shape(ask: Ask) -> None:
    sent = await ask(
        "POST",
        "/chats/101/messages",
        201,
        json={"text": "hi\nBob", "price_cents": 500, "media": ["media-001"]},
    )
    (row,) = await ask("GET", "/_sim/messages?creator=c1")
    accepted_at = datetime.fromisoformat(row.pop("accepted_at"))
    assert datetime.now(UTC) - accepted_at < timedelta(seconds=5)
    assert row == {
        "id": sent["id"],
        "creator": "c1",
        "fan": "101",
        "text": "hi\nBob",
        "price_cents": 500,
        "media": ["media-001"],
    }


async def test_its_own_rate_rule_refuses_and_counts(ask: Ask) -> None:
    rule = {"messages_per_minute": 2}
    await ask("POST", "/_sim/faults", json={"creator": "c1", "rate_rule": rule})
    for status in (201, 201, 429):
        await ask("POST", "/chats/101/messages", status, json={"text": "hi"})
    await ask(
        "POST", "/_sim/faults", json={"creator": "c1", "rate_rule": {**rule, "enforce": False}}
    )
    await ask("POST", "/chats/101/messages", 201, json={"text": "hi"})
    stats = await ask("GET", "/_sim/stats?creator=c1")
    assert (stats["messages"], stats["rate_violations"], stats["max_in_60_seconds"]) == (3, 2, 3)


@pytest.mark.parametrize(
    ("body", "status"),
    [({"text": " "}, 422), ({"text": "x", "media": ["none"]}, 422), ({"txt": "x"}, 422)],
)
async def test_a_bad_message_is_not_accepted(ask: Ask, body: Any, status: int) -> None:
    await ask("POST", "/chats/101/messages", status, json=body)
    assert await ask("GET", "/_sim/messages") == []


async def test_an_error_after_accept_has_accepted(ask: Ask) -> None:
    await ask("POST", "/_sim/faults", json={"creator": "c1", "error_after_accept": 1})
    await ask("POST", "/chats/101/messages", 500, json={"text": "hi"})
    assert len(await ask("GET", "/_sim/messages?creator=c1")) == 1


async def test_pages_need_a_session(ask: Ask) -> None:
    await ask("POST", "/_sim/faults", json={"session_expiry_after": 0})
    answer = await ask("GET", "/chats/101", 303)
    assert answer.headers["location"] == "/login?expired=1"
    await ask("GET", "/vault", 401, headers={"accept": "application/json"})
    await ask("POST", "/login", 401, data={"username": "mia", "password": "wrong"})
    await ask("POST", "/login", 303, data={"username": "mia", "password": "pw"})
    await ask("GET", "/chats/101")
    await ask("GET", "/chats/999", 404)


async def test_the_clock_brings_replies_and_money(ask: Ask) -> None:
    await ask("POST", "/_sim/seed", 201, json={"creator": "c1", "seed": 3, "fans": 200})
    before = (await ask("GET", "/_sim/stats?creator=c1"))["net_cents"]
    for n in range(200):
        await ask("POST", f"/chats/{4_000_000 + n}/messages", 201, json={"text": "hi"})
    answer = await ask("POST", "/_sim/clock", json={"advance_seconds": 86_400})
    assert answer["acted"]["open"] > 50
    assert (await ask("GET", "/_sim/stats?creator=c1"))["net_cents"] > before
    assert "subscription" in {
        row["type"] for row in await ask("GET", "/_sim/transactions?creator=c1")
    }


async def test_what_happens_is_pushed_signed_and_some_of_it_twice(app: Starlette, ask: Ask) -> None:
    calls: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        # Refused once: it comes again.
        return httpx.Response(500 if len(calls) == 1 else 202)

    pusher = app.state.platform.pusher
    pusher._http = httpx.AsyncClient(transport=httpx.MockTransport(take))
    order = {"creator": "c1", "url": "http://us.test/hook", "secret": "s", "duplicates": 0.5}
    await ask("POST", "/_sim/webhooks", json={**order, "seed": 3})
    await ask("POST", "/_sim/inbound", 201, json={"creator": "c1", "fan": "101", "text": "hi"})
    sent = await ask("POST", "/chats/101/messages", 201, json={"text": "buy", "price_cents": 500})
    deed = {"creator": "c1", "fan": "101", "act": "buy", "message": sent["id"]}
    await ask("POST", "/_sim/act", json=deed)
    await ask("DELETE", f"/chats/101/messages/{sent['id']}", 204)
    while pusher.figures()["under_way"]:
        await asyncio.sleep(0.05)
    for call in calls:
        verify(call.content, call.headers[SIGNATURE], ["s"], now=time.time(), named=SIGNATURE)
    events = {event["id"]: event for event in (json.loads(call.content) for call in calls)}
    assert len(calls) > len(events)
    assert pusher.figures()["delivered"] == len(calls) - 1
    kinds = [event["type"] for event in events.values()]
    assert set(kinds) == {
        *("message.created", "message.updated", "message.deleted"),
        *("transaction.created", "subscription.updated"),
    }
    paid = [one["data"]["paid_at"] for one in events.values() if one["type"] == "message.updated"]
    assert paid[-1] is not None
    await ask("POST", "/_sim/webhooks", json={"creator": "c1", "url": None})
    before = len(calls)
    await ask("POST", "/_sim/inbound", 201, json={"creator": "c1", "fan": "101", "text": "yo"})
    assert (pusher.figures()["under_way"], len(calls)) == (0, before)
