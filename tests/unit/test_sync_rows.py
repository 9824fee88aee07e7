"""What a platform's lists show is checked before it is stored, and stop words are understood."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from browser_worker.listings import read_earning
from browser_worker.sync import LISTINGS
from huntaze.domain.fans import PLATFORM_VALUES, FanRow, is_stop_word
from huntaze.domain.fans.stop_words import may_want_no_messages
from huntaze.domain.outbound.syncs import SYNCS
from huntaze.domain.platform_rows import (
    EarningRow,
    SubscriberRow,
    ThreadRow,
    chat_of,
    fan_of,
    transaction_of,
)

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def subscriber(**changes: Any) -> SubscriberRow:
    facts = dict.fromkeys(SubscriberRow.__slots__) | {"fan_platform_id": "7", "handle": "bob"}
    return SubscriberRow(**{**facts, **changes})


def thread(**changes: Any) -> ThreadRow:
    facts = dict.fromkeys(ThreadRow.__slots__) | {"fan_platform_id": "7", "unread": 0}
    return ThreadRow(**{**facts, **changes})


def earning(**changes: Any) -> EarningRow:
    facts = dict.fromkeys(EarningRow.__slots__) | {
        "transaction_id": "t1",
        "fan_platform_id": "7",
        "type": "tip",
        "amount_cents": 1000,
        "created_at": MOMENT,
    }
    return EarningRow(**{**facts, **changes})


@pytest.mark.parametrize(
    "text",
    [
        *("Please stop", "stop now", "STOP STOP STOP", "hey, stop please!", "Stop, s'il te plaît"),
        *("S T O P", "s.t.o.p", "st\u200bop", "𝐒𝐓𝐎𝐏", "ＳＴＯＰ", "\u202eSTOP", "ⓢⓣⓞⓟ"),  # noqa: RUF001
        *("Стоп", "ОТПИСАТЬСЯ!", "توقف", "إلغاء الاشتراك", "退订", "停止。", "그만", "रोकें", "הסר"),
        *("stop", "STOP", " Stop! ", "«stop.»", "Stop all", "STOPALL", "unsubscribe", "opt-out"),
        *("désabonner", "De\u0301sabonner", "desabonner", "Arrête", "ARRÊTE !", "arrêtez", "stopp"),
        *("Cancelar suscripción", "abmelden"),
    ],
)
def test_a_message_that_is_a_stop_word_is_one(text: str) -> None:
    assert is_stop_word(text)


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "!", "don't stop", "stop it, you tease", "stop 😉", "nonstop", "s top"),
        "stop" + " " * 60 + "being so pretty",
    ],
)
def test_a_message_that_merely_holds_one_is_none(text: str | None) -> None:
    assert not is_stop_word(text)


def test_every_sync_has_a_list() -> None:
    assert set(LISTINGS) == set(SYNCS)


def test_a_subscriber_becomes_a_fan() -> None:
    row = subscriber(
        display_name=" Bob ",
        status="Active",
        price_cents=999,
        rebill_on=True,
        subscribed_at=MOMENT.astimezone(timezone(timedelta(hours=2))),
    )
    fan = fan_of(3, row)
    assert fan == FanRow(
        3,
        "7",
        "bob",
        display_name="Bob",
        status="active",
        price_cents=999,
        rebill_on=True,
        subscribed_at="2026-03-01T12:00:00+00:00",
    )
    blank = {name for name, value in fan._asdict().items() if value is None}
    assert blank >= {"consent", "notes", "email", "tags"}
    assert blank.isdisjoint({"handle", "display_name", "status"} & set(PLATFORM_VALUES))


def test_what_makes_no_sense_of_a_subscriber_is_left_blank() -> None:
    fan = fan_of(
        0,
        subscriber(
            display_name="x\0\ud800" * 200,
            status="vip",
            price_cents=-1,
            expires_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        ),
    )
    assert fan is not None
    assert (fan.status, fan.price_cents, fan.expires_at) == (None, None, None)
    assert fan.display_name == ("x?" * 200)[:200]


@pytest.mark.parametrize(
    "changes", [{"fan_platform_id": "7" * 201}, {"handle": " "}, {"handle": "b" * 201}]
)
def test_a_subscriber_who_cannot_be_told_is_rejected(changes: dict[str, Any]) -> None:
    assert fan_of(0, subscriber(**changes)) is None


def test_a_chat_without_a_handle_is_a_chat() -> None:
    chat = chat_of(thread(last_is_own=False, last_at=MOMENT))
    assert chat is not None
    assert (chat.platform_id, chat.handle, chat.last_at) == ("7", None, MOMENT.isoformat())
    assert chat_of(thread(fan_platform_id="")) is None


@pytest.mark.parametrize(
    ("changes", "amounts"),
    [
        ({"fee_cents": 200, "net_cents": 800}, (1000, 200, 800)),
        ({"fee_cents": 200}, (1000, 200, 800)),
        ({"net_cents": 750}, (1000, 250, 750)),
        ({}, (1000, 0, 1000)),
        (
            {
                "type": "Refund",
                "reverses": "t0",
                "amount_cents": -1000,
                "fee_cents": -200,
                "net_cents": -800,
            },
            (1000, 200, 800),
        ),
        # The payment tells what part of its net this is.
        ({"type": "refund", "reverses": "t0", "amount_cents": -1000}, (1000, 0, 0)),
    ],
)
def test_amounts_of_a_movement_follow_from_each_other(
    changes: dict[str, Any], amounts: tuple[int, int, int]
) -> None:
    row = transaction_of(0, earning(**changes))
    assert row is not None
    assert (row.amount_cents, row.fee_cents, row.net_cents) == amounts


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "gift"},
        {"amount_cents": -5},
        {"fee_cents": 2000},
        {"type": "refund"},
        {"reverses": "t0"},
        {"type": "chargeback", "reverses": "t1"},
        {"type": "refund", "reverses": "t0", "amount_cents": 0},
        {"transaction_id": "t" * 201},
        {"amount_cents": 10**13},
    ],
)
def test_what_cannot_be_a_movement_is_rejected(changes: dict[str, Any]) -> None:
    assert transaction_of(0, earning(**changes)) is None


def test_an_amount_that_a_page_does_not_show_is_unknown() -> None:
    row = read_earning(
        {
            "transaction_id": "t",
            "fan_id": "7",
            "type": "tip",
            "gross": "$10.00",
            "net": "$8.00",
            "created_at": MOMENT.isoformat(),
        }
    )
    assert (row.amount_cents, row.fee_cents, row.net_cents) == (1000, None, 800)


@pytest.mark.parametrize(
    "text",
    [
        *("I said: stop sending me this stuff", "Please don't text me anymore", "STOP"),
        *("how do I unsubscribe from you", "leave me alone!!", "No more messages, I mean it."),
        *("Arrête de m'écrire", "ne m'envoie plus rien", "je veux me désabonner"),
        *("no me escribas más", "Schreib mir nicht mehr", "lasciami in pace", "не пиши мне больше"),
    ],
)
def test_what_may_ask_for_no_messages_goes_to_a_person(text: str) -> None:
    assert may_want_no_messages(text)


@pytest.mark.parametrize(
    "text", ["don't stop", "stop it, you tease", "send me more", "I can't stop thinking of you", ""]
)
def test_what_asks_for_more_does_not(text: str) -> None:
    assert not may_want_no_messages(text)
