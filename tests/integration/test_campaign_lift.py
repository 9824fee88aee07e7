"""What a campaign brought more than holding fans out: of like groups, and once it is known."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.assistant.chat.figures_repository import PostgresFigures
from functions.assistant.chat.models import Call, Desk, Tool
from huntaze.ai.agents import Language
from huntaze.domain import figures, money
from huntaze.domain.money import TransactionRow
from huntaze.ids import new_id


@pytest.fixture
def desk(open_desk):
    return open_desk()


@pytest.fixture
def released(desk):
    """A campaign that was released so many days ago."""

    def make(days):
        at = datetime.now(UTC) - timedelta(days=days)
        return desk.campaign("completed", released_at=at, holdout_percent=10)

    return make


@pytest.fixture
def fan_of(desk):
    """A fan of a campaign: what became of the row, and what the fan paid some days ago."""

    def make(campaign, state, *paid, settled=True, **columns):
        at = datetime.now(UTC) if settled else None
        fan = desk.fan()
        desk.send(fan, campaign_id=campaign, state=state, settled_at=at, **columns)
        platform_id = desk.row(fan, "fans")["platform_id"]
        rows = [
            TransactionRow(
                *(line, str(new_id()), platform_id, "tip", cents, 0, cents, "USD"),
                (datetime.now(UTC) - timedelta(days=days)).isoformat(),
            )
            for line, (cents, days) in enumerate(paid)
        ]
        with desk.app.transaction() as connection:
            money.record(connection, desk.creator_id, rows)
        return platform_id, [row.transaction_id for row in rows]

    return make


@pytest.fixture
def lift(desk):
    """The lift that the assistant finds."""

    def look():
        with desk.app.transaction() as connection:
            scope = figures.scope_of(connection, desk.creator_id)
        asked = Desk(desk.creator_id, scope, datetime.now(UTC).date(), Language.EN, [])
        call = Call(tool=Tool.CAMPAIGNS, period="all_time", most=5)
        found = PostgresFigures(desk.app, sees_costs=False).look(call, asked)
        (value,) = [figure.value for figure in found if figure.name == "campaign_lift"]
        return value

    return look


def test_lift_compares_all_whom_the_draw_chose_from(released, fan_of, lift):
    campaign = released(10)
    fan_of(campaign, "held_out", (100, 9), settled=False)
    fan_of(campaign, "sent", (1000, 8))
    # They were drawn, too, whatever became of their messages.
    for state in ("skipped", "not_sent", "unknown", "cancelled"):
        fan_of(campaign, state, (0, 9), reason="cap")
    # These never were.
    fan_of(campaign, "skipped", (90_000, 9), settled=False, reason="cap")
    assert lift() == 200 - 100


def test_lift_is_not_known_before_the_week_is_over(released, fan_of, lift):
    campaign = released(6)
    fan_of(campaign, "held_out", settled=False)
    fan_of(campaign, "sent", (1000, 5))
    assert lift() is None


def test_what_is_taken_back_counts_with_its_payment(desk, released, fan_of, lift):
    campaign = released(10)
    fan_of(campaign, "held_out", settled=False)
    fan, (before, within) = fan_of(campaign, "sent", (5000, 12), (1000, 8))
    # Of the one within the week, after it; of the one before it, within it.
    taken = [(within, 400, 1), (before, 2000, 7)]
    rows = [
        TransactionRow(
            *(line, str(new_id()), fan, "refund", cents, 0, cents, "USD"),
            (datetime.now(UTC) - timedelta(days=days)).isoformat(),
            reverses,
        )
        for line, (reverses, cents, days) in enumerate(taken)
    ]
    with desk.app.transaction() as connection:
        money.record(connection, desk.creator_id, rows)
    assert lift() == 600
