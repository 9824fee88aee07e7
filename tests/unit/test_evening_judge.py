"""The judge of the evening: it must see every breach, and none where there is none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chaos.evening.facts import (
    Automated,
    Chat,
    Evening,
    Kept,
    Listened,
    Ordered,
    Ran,
    Sending,
    Spoken,
    Standing,
)
from chaos.evening.judge import behind, duplicates, judge, losses, while_open
from chaos.judge import RateRule

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
SAM, EVE = Chat("creator", "sam"), Chat("creator", "eve")
RULE = RateRule(10, timedelta(seconds=3))

type Change = Callable[[Evening], Evening]


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def said(seq: int, chat: Chat, text: str, seconds: float, *, own: bool = False) -> Spoken:
    return Spoken(seq, f"m{seq}", chat, own, text, at(seconds))


def sending(number: int, chat: Chat, text: str, message: str | None, **facts: object) -> Sending:
    """A row that was sent at once."""
    row = Sending(f"s{number}", chat, 0, text, "sent", None, at(0), message, granted_at=at(0))
    row = replace(row, **facts)
    return replace(row, ordered_at=row.granted_at, by_person=row.priority == 0)


@pytest.fixture
def evening() -> Evening:
    """Sam wrote twice and got a draft and a reply; Eve wrote a tip and got what runs sent."""
    spoken = [
        said(1, SAM, "hello", 0),
        said(2, SAM, "hi Sam", 10, own=True),
        replace(said(3, EVE, "for you", 11), tip_cents=500),
        said(4, EVE, "thanks", 20, own=True),
        said(5, EVE, "the new set", 30, own=True),
        said(6, SAM, "how are you?", 31),
        said(7, SAM, "fine", 40, own=True),
    ]
    sendings = [
        sending(1, SAM, "hi Sam", "m2", priority=1, basis="m1", granted_at=at(9), by_ai=True),
        sending(2, EVE, "thanks", "m4", priority=2, granted_at=at(19)),
        sending(3, EVE, "the new set", "m5", priority=3, granted_at=at(29), campaign="c"),
        sending(4, SAM, "fine", "m7", due_at=at(32), granted_at=at(39)),
        sending(5, SAM, "the new set", None, priority=3, state="skipped", reason="recent_chat"),
    ]
    sendings[4] = replace(sendings[4], campaign="c", granted_at=None)
    return Evening(
        spoken=spoken,
        sendings=sendings,
        kept=[Kept(f"k{one.seq}", one.id, one.chat, one.own, one.at) for one in spoken],
        standings=[Standing(SAM, "waiting", 0, "m7"), Standing(EVE, "open", 1, "m5")],
        ordered=[Ordered("key", SAM, "fine", ("s4", "s4"))],
        rules={"creator": RULE},
        caps={"creator": 2},
        stops={},
        stop_words={},
        ran=[Ran("tips", EVE, "completed")],
        automated=[Automated("tips", "creator", "tip", False, "thanks")],
        listened=[Listened("owner", frozenset({"creator"}), ("k1", "k3", "k6"), (1, 4, 9))],
        audience=[SAM, EVE],
        campaign="c",
    )


def test_an_evening_without_a_breach_passes(evening: Evening) -> None:
    assert judge(evening) == []
    assert (duplicates(evening), losses(evening)) == (0, 0)
    assert behind(evening) == [0]


def _accepts(*more: Spoken) -> Change:
    """The platform has accepted something more, and it is stored."""

    def change(evening: Evening) -> Evening:
        kept = [Kept(f"k{one.seq}", one.id, one.chat, one.own, one.at) for one in more]
        return replace(
            evening, spoken=[*evening.spoken, *more], kept=[*evening.kept, *kept], standings=[]
        )

    return change


def _with_rows(*rows: Sending) -> Change:
    return lambda evening: replace(evening, sendings=[*evening.sendings, *rows])


def _one_row(number: int, **facts: object) -> Change:
    def change(evening: Evening) -> Evening:
        rows = [replace(r, **facts) if r.id == f"s{number}" else r for r in evening.sendings]
        return replace(evening, sendings=rows)

    return change


def _set(**facts: object) -> Change:
    return lambda evening: replace(evening, **facts)


BREACHES: dict[str, tuple[str, list[Change]]] = {
    "a message of nobody's": (
        "got m8, which 0 rows speak of",
        [_accepts(said(8, EVE, "thanks", 50, own=True))],
    ),
    "two rows of one message": (
        "got m7, which 2 rows speak of",
        [_with_rows(sending(9, SAM, "fine", "m7"))],
    ),
    "sent and never accepted": ("accepted nothing", [_one_row(4, message_id="m99")]),
    "accepted and denied": ("is cancelled in the ledger", [_one_row(4, state="cancelled")]),
    "other words": ("something else", [_one_row(4, text="not fine")]),
    "left behind": ("was left submitting", [_one_row(5, state="submitting")]),
    "nobody knows": ("was left unknown", [_one_row(5, state="unknown")]),
    "no reason": ("for no reason", [_one_row(5, reason=None)]),
    "too fast": ("between two messages", [_accepts(said(8, EVE, "again", 40.5, own=True))]),
    "a lost message": ("m6, of a fan, is stored 0 times", [_set(kept=[])]),
    "a message that is stored twice": (
        "m1, of a fan, is stored 2 times",
        [lambda evening: replace(evening, kept=[*evening.kept, Kept("x", "m1", SAM, False, NOW)])],
    ),
    "an invented message": (
        "never accepted",
        [lambda evening: replace(evening, kept=[*evening.kept, Kept("x", "m9", SAM, False, NOW)])],
    ),
    "with another fan": (
        "wrong fan",
        [lambda e: replace(e, kept=[replace(e.kept[0], chat=EVE), *e.kept[1:]])],
    ),
    "answered unseen": (
        "0 unread messages, not 1",
        [_one_row(4, ordered_at=at(30))],
    ),
    "unread": ("1 unread messages, not 0", [_set(standings=[Standing(SAM, "waiting", 1, "m7")])]),
    "state": ("is open, not waiting", [_set(standings=[Standing(SAM, "open", 0, "m7")])]),
    "newest": ("shows m6", [_set(standings=[Standing(SAM, "waiting", 0, "m6")])]),
    "no conversation": ("eve has no conversation", [_set(standings=[])]),
    "two sends of one key": (
        "answered with 2 sends",
        [_set(ordered=[Ordered("key", SAM, "fine", ("s4", "s1"))])],
    ),
    "a reply without a row": (
        "has no row",
        [_set(ordered=[Ordered("key", SAM, "fine", ("s77",))])],
    ),
    "a reply with two rows": (
        "has 2 rows",
        [_with_rows(sending(9, SAM, "fine", None, state="cancelled"))],
    ),
    "a reply that came twice": (
        "was accepted 2 times",
        [_accepts(said(8, SAM, "fine", 90, own=True))],
    ),
    "behind two others": (
        "stood behind 2 messages",
        [_one_row(4, due_at=at(12))],
    ),
    "a draft after a fan's word": (
        "although m8 stood there",
        [
            lambda e: replace(
                e,
                spoken=[
                    *(replace(one, seq=one.seq * 10) for one in e.spoken),
                    replace(said(8, SAM, "wait", 2), seq=15),
                ],
            )
        ],
    ),
    "over the cap": ("the cap is 0", [_set(caps={"creator": 0})]),
    "an automation that ran twice": (
        "ran 2 times for tip, not 1",
        [_set(ran=[Ran("tips", EVE, "completed")] * 2)],
    ),
    "an automation that did not run": ("ran 0 times for tip", [_set(ran=[])]),
    "an automation that failed": (
        "a run of an automation failed",
        [_set(ran=[Ran("tips", EVE, "failed")])],
    ),
    "an automation that wrote twice": (
        "got 2 messages for tip, not 1",
        [_accepts(said(8, EVE, "thanks", 90, own=True))],
    ),
    "once is once": (
        "ran 2 times for message_received, not 1",
        [
            _set(
                automated=[Automated("hello", "creator", "message_received", True, "x")],
                ran=[Ran("hello", SAM, "completed")] * 2 + [Ran("hello", EVE, "completed")],
            )
        ],
    ),
    "a stop that nobody heard": ("and nobody knows", [_set(stop_words={SAM: at(41)})]),
    "after a stop": ("after asking for no more", [_set(stops={SAM: at(33)})]),
    "with the stop in the thread": (
        "with a stop word in the thread",
        [_set(stop_words={EVE: at(12)}, stops={EVE: at(60)})],
    ),
    "an event that nobody heard": (
        "owner heard 0 times of m6",
        [_set(listened=[Listened("owner", frozenset({"creator"}), ("k1", "k3"), (1, 2))])],
    ),
    "an event heard twice": (
        "owner heard 2 times of m1",
        [_set(listened=[Listened("owner", frozenset({"creator"}), ("k1", "k1"), (1, 2))])],
    ),
    "events out of order": (
        "1 events out of order",
        [_set(listened=[Listened("owner", frozenset(), (), (1, 3, 2))])],
    ),
    "a fan without a row of the campaign": (
        "has 0 rows of the campaign",
        [_set(audience=[SAM, EVE, Chat("creator", "zoe")])],
    ),
    "no rest": ("3 left: events", [_set(left={"events": 3, "others": 0})]),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_every_breach_is_found(evening: Evening, breach: str) -> None:
    sentence, changes = BREACHES[breach]
    for change in changes:
        evening = change(evening)
    found = judge(evening)
    assert any(sentence in one for one in found), found


def test_duplicates_and_losses_are_counted(evening: Evening) -> None:
    assert duplicates(_accepts(said(8, EVE, "thanks", 90, own=True))(evening)) == 1
    assert losses(replace(evening, kept=evening.kept[1:])) == 1
    assert losses(_one_row(4, message_id="m99")(evening)) == 1


def test_what_a_fan_writes_while_the_page_is_open_is_counted_and_no_breach(
    evening: Evening,
) -> None:
    spoken = [
        *(replace(one, seq=one.seq * 10) for one in evening.spoken),
        replace(said(8, SAM, "wait", 8.5), seq=15),
    ]
    late = replace(
        evening, spoken=spoken, kept=[*evening.kept, Kept("k8", "m8", SAM, False, NOW)], listened=[]
    )
    assert judge(late) == []
    assert while_open(late) == 1


def test_what_people_let_go_passes_the_cap(evening: Evening) -> None:
    capped = replace(evening, caps={"creator": 0})
    assert judge(capped)
    let_go = [replace(row, by_person=True) for row in evening.sendings]
    assert judge(replace(capped, sendings=let_go)) == []


def test_many_breaches_of_a_kind_are_counted(evening: Evening) -> None:
    chats = [Chat("creator", f"fan{number}") for number in range(50)]
    found = judge(replace(evening, audience=chats))
    assert len(found) == 9
    assert "42 more" in found[-1]
