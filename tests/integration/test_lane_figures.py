"""The figures by which workers start and leave, and by which somebody is woken."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest

from functions.lanes import handler as door
from functions.lanes.models import LaneFigures
from functions.lanes.repository import PostgresLanes
from huntaze.db import Connection, SingleConnection
from huntaze.entry import UnhandledError
from tests.fakes.creator_desk import Desk

PATIENCE = timedelta(minutes=10)
LONG_AGO = datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def lanes(as_role: Callable[[str], Connection]) -> PostgresLanes:
    return PostgresLanes(SingleConnection(lambda: as_role("relay")))


@pytest.fixture
def at_rest(as_role: Callable[[str], Connection]) -> None:
    """Lanes that other tests left are held: by themselves their figures would go on changing."""
    with as_role("master") as connection, connection.transaction():
        connection.execute("ALTER TABLE creator_lanes NO FORCE ROW LEVEL SECURITY")
        connection.execute("UPDATE creator_lanes SET kill_switch = true, leased_until = NULL")
        connection.execute("ALTER TABLE creator_lanes FORCE ROW LEVEL SECURITY")


@pytest.fixture
def change(at_rest: None, lanes: PostgresLanes) -> Callable[[], tuple[int, int]]:  # noqa: ARG001
    """How the figures differ from those at the start: other tests left lanes, too."""
    before = lanes.figures(PATIENCE)

    def since() -> tuple[int, int]:
        now = lanes.figures(PATIENCE)
        return now.at_work - before.at_work, now.stalled - before.stalled

    return since


@pytest.fixture
def desk(
    change: Callable[[], tuple[int, int]],
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    as_role: Callable[[str], Connection],
) -> Desk:
    assert change() == (0, 0)
    workspace_id, user_id, creator_id = tenant_factory()
    made = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    made.open_lane()
    return made


@pytest.mark.usefixtures("desk")
def test_a_lane_without_work_needs_no_worker(change: Callable) -> None:
    assert change() == (0, 0)


def test_a_lane_with_due_work_needs_one_at_once_and_alarms_nobody(
    desk: Desk, change: Callable
) -> None:
    desk.send()
    desk.send()
    assert change() == (1, 0)


def test_a_lane_that_is_drained_still_has_work(desk: Desk, change: Callable) -> None:
    desk.send()
    desk.claim()
    assert change() == (1, 0)


def test_work_that_waits_too_long_without_progress_is_told(desk: Desk, change: Callable) -> None:
    desk.send(due_at=LONG_AGO)
    assert change() == (1, 1)
    # Held by a worker that gets nowhere is no better.
    desk.claim()
    assert change() == (1, 1)


def test_a_campaign_that_waits_too_long_is_told_while_it_runs(desk: Desk, change: Callable) -> None:
    campaign_id = desk.campaign()
    desk.send(campaign_id=campaign_id, due_at=LONG_AGO)
    assert change() == (1, 1)
    desk.set_campaign(campaign_id, status="paused")
    assert change() == (0, 0)


def test_a_lane_that_moves_is_not_stalled_however_much_is_due(desk: Desk, change: Callable) -> None:
    desk.send(due_at=LONG_AGO)
    desk.set_lane(last_progress_at=datetime.now(UTC))
    assert change() == (1, 0)
    desk.set_lane(last_progress_at=LONG_AGO)
    assert change() == (1, 1)


def test_who_was_stopped_is_not_stalled(desk: Desk, change: Callable) -> None:
    desk.send(due_at=LONG_AGO)
    desk.set_lane(kill_switch=True)
    assert change() == (0, 0)
    desk.set_lane(kill_switch=False)
    desk.set_lane(status="stopped", stop_reason="challenge")
    assert change() == (0, 0)


def test_a_platform_that_an_operator_stopped_alarms_nobody(
    desk: Desk, change: Callable, lanes: PostgresLanes
) -> None:
    desk.send(due_at=LONG_AGO)
    desk.set_lane(platform="of_figures")
    assert change() == (1, 1)
    lanes.stop("profile:of_figures", reason="the platform is down", by="ops")
    assert change() == (1, 0)
    lanes.go("profile:of_figures")


def test_the_sweep_publishes_them_before_it_wakes_anybody(
    monkeypatch: pytest.MonkeyPatch,
    lambda_context: SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Lanes:
        def __init__(self, _source: object) -> None: ...

        def sign_of_life(self) -> None: ...

        def figures(self, patience: timedelta) -> LaneFigures:
            assert patience == door.PATIENCE
            return LaneFigures(at_work=41, stalled=3)

        def with_due_work(self) -> list[UUID]:
            raise ConnectionError

    monkeypatch.setattr(door, "PostgresLanes", Lanes)
    monkeypatch.setattr(door, "database", lambda: None)
    with pytest.raises(UnhandledError):
        door.handler({}, lambda_context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert {(k, v) for line in lines for k, v in line.items() if k.startswith("Lanes")} == {
        ("LanesWithDueWork", 41),
        ("LanesWithoutProgress", 3),
    }
