"""The judge of the chaos runs: it must see every breach, and none where there is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chaos.judge import Accepted, Attempt, Case, RateRule, Recipient, Row, judge

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ANN = Recipient("creator", "ann")
BOB = Recipient("creator", "bob")
TEXT = "Hello"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def accepted(to: Recipient, number: int = 1, *, at: float = 0.5, text: str = TEXT) -> Accepted:
    return Accepted(f"{to.fan}-{number}", to, text, after(at))


def row(to: Recipient, state: str = "sent", *, message: str | None = "", at: float = 0) -> Row:
    """A row of the ledger; one that is sent names its first message unless told otherwise."""
    named = f"{to.fan}-1" if message == "" else message
    return Row(
        to=to,
        text=TEXT,
        state=state,
        reason=None,
        platform_message_id=named if state == "sent" else None,
        has_evidence=state in {"sent", "not_sent", "unknown"},
        attempts=(Attempt(after(at), state),),
    )


@pytest.fixture
def sound() -> Case:
    """Two messages, a second apart, all as it should be."""
    return Case(
        planned=[ANN, BOB],
        rows=[row(ANN), row(BOB, at=1)],
        accepted=[accepted(ANN), accepted(BOB, at=1.5)],
        rules={"creator": RateRule(2, timedelta(seconds=1))},
        accepted_within=timedelta(seconds=3),
    )


def test_passes_a_sound_run(sound):
    verdict = judge(sound)
    assert verdict.passed
    assert (verdict.planned, verdict.outcomes["sent"]) == (2, 2)
    assert (verdict.duplicates, verdict.losses) == (0, 0)


def test_counts_a_second_message_as_a_duplicate(sound):
    twice = [*sound.accepted, accepted(ANN, 2, at=61)]
    verdict = judge(replace(sound, accepted=twice, accepted_within=None))
    assert verdict.duplicates == 1
    assert not verdict.passed


def test_two_sends_of_one_text_may_be_two_messages(sound):
    case = replace(
        sound,
        planned=[*sound.planned, ANN],
        rows=[*sound.rows, row(ANN, message="ann-2", at=60)],
        accepted=[*sound.accepted, accepted(ANN, 2, at=61)],
    )
    assert judge(case).passed


def test_a_sent_row_without_a_message_is_a_loss(sound):
    verdict = judge(replace(sound, accepted=sound.accepted[:1]))
    assert verdict.losses == 1
    assert not verdict.passed


def test_a_row_that_names_another_message_is_a_loss(sound):
    verdict = judge(replace(sound, rows=[row(ANN, message="bob-1"), sound.rows[1]]))
    assert verdict.losses == 1


def test_a_sent_row_must_name_its_message(sound):
    verdict = judge(replace(sound, rows=[row(ANN, message=None), sound.rows[1]]))
    assert verdict.losses == 0
    assert not verdict.passed


@pytest.mark.parametrize("state", ["not_sent", "skipped", "cancelled", "held_out"])
def test_a_denied_message_that_arrived_is_a_loss(sound, state):
    denied = replace(row(ANN, state), reason="cap")
    verdict = judge(replace(sound, rows=[denied, sound.rows[1]]))
    assert verdict.losses == 1
    assert not verdict.passed


def test_a_planned_fan_without_a_row_is_a_loss(sound):
    verdict = judge(replace(sound, rows=sound.rows[:1], accepted=sound.accepted[:1]))
    assert verdict.losses == 1


def test_refuses_a_row_that_nobody_planned(sound):
    assert not judge(replace(sound, planned=[ANN])).passed


def test_refuses_a_message_that_no_row_speaks_of(sound):
    stray = accepted(ANN, 2, at=120, text="Another text")
    verdict = judge(replace(sound, accepted=[*sound.accepted, stray]))
    assert not verdict.passed


@pytest.mark.parametrize("state", ["planned", "submitting"])
def test_refuses_a_row_that_was_left_open(sound, state):
    case = replace(sound, rows=[row(ANN, state), sound.rows[1]], accepted=sound.accepted[1:])
    assert not judge(case).passed


def test_unknown_is_for_those_alone_whose_evidence_is_gone(sound):
    case = replace(sound, rows=[row(ANN, "unknown"), sound.rows[1]])
    assert not judge(case).passed
    assert not judge(replace(case, evidence_gone={BOB})).passed
    assert judge(replace(case, evidence_gone={ANN})).passed


def test_unknown_may_have_arrived_once_and_never_twice(sound):
    case = replace(
        sound,
        rows=[row(ANN, "unknown"), sound.rows[1]],
        accepted=[*sound.accepted, accepted(ANN, 2, at=61)],
        evidence_gone={ANN},
    )
    assert judge(case).duplicates == 1


@pytest.mark.parametrize(
    ("state", "reason", "has_evidence", "passes"),
    [
        ("skipped", "blocked", False, True),
        ("skipped", None, True, False),
        ("not_sent", "selector_drift", False, True),
        ("not_sent", None, True, True),
        ("not_sent", None, False, False),
    ],
)
def test_who_gets_nothing_is_told_why(sound, state, reason, has_evidence, passes):
    silent = replace(row(ANN, state), reason=reason, has_evidence=has_evidence)
    case = replace(sound, rows=[silent, sound.rows[1]], accepted=sound.accepted[1:])
    assert judge(case).passed is passes


def test_refuses_two_messages_too_close_to_each_other(sound):
    close = [accepted(ANN, at=0.5), accepted(BOB, at=1.499)]
    assert not judge(replace(sound, accepted=close)).passed


@pytest.mark.parametrize(("last", "passes"), [(60.4, False), (60.5, True)])
def test_holds_the_rate_in_every_sliding_minute(sound, last, passes):
    eve = Recipient("creator", "eve")
    case = replace(
        sound,
        planned=[ANN, BOB, eve],
        rows=[*sound.rows, row(eve, at=59)],
        accepted=[*sound.accepted, accepted(eve, at=last)],
    )
    assert judge(case).passed is passes


def test_the_rate_is_each_creators_own(sound):
    other = Recipient("another", "ann")
    case = replace(
        sound,
        planned=[*sound.planned, other],
        rows=[*sound.rows, row(other)],
        accepted=[*sound.accepted, accepted(other)],
        rules={**sound.rules, "another": RateRule(1, timedelta(seconds=1))},
    )
    assert judge(case).passed


def test_refuses_a_message_before_any_grant(sound):
    assert not judge(replace(sound, rows=[row(ANN, at=0.6), sound.rows[1]])).passed


def test_refuses_a_message_later_than_the_ledger_counts_on(sound):
    assert not judge(replace(sound, accepted_within=timedelta(seconds=0.4))).passed


def test_measures_from_the_latest_grant(sound):
    again = replace(row(ANN), attempts=(Attempt(after(-30), "not_sent"), Attempt(after(0), "sent")))
    assert judge(replace(sound, rows=[again, sound.rows[1]])).passed
