"""Syncs that nobody asks for: when each comes, for whom, and that they never pile up."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pydantic import ValidationError

from functions.lanes import handler as door
from functions.lanes.pace import Pace, Paces, paces
from functions.lanes.repository import PostgresLanes
from huntaze.db import Connection, SingleConnection
from huntaze.domain import conversations
from huntaze.domain.outbound import syncs
from tests.fakes.creator_desk import Desk

PACES = Paces(
    active_for=3600,
    kinds={
        "sync_threads": Pace(active=60, silent=600, full=86_400),
        "sync_subscribers": Pace(active=3600, silent=7200),
    },
)


@pytest.fixture
def lanes(as_role: Callable[[str], Connection]) -> PostgresLanes:
    return PostgresLanes(SingleConnection(lambda: as_role("relay")))


@pytest.fixture
def desk(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    as_role: Callable[[str], Connection],
) -> Desk:
    workspace_id, user_id, creator_id = tenant_factory()
    made = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    made.open_lane()
    made.set_creator(driver_consent_at="now")
    return made


def waiting(desk: Desk) -> dict[str, Any]:
    rows = desk.rows(
        "SELECT kind, payload FROM creator_commands WHERE creator_id = %s AND state = 'waiting'",
        desk.creator_id,
    )
    return {row["kind"]: row["payload"] for row in rows}


def end_all(desk: Desk, *, ago: str = "0", state: str = "done") -> None:
    """Let every sync that waits be over, ordered so long ago."""
    with desk.app.transaction() as connection:
        connection.execute(
            "UPDATE creator_commands SET state = %s, finished_at = clock_timestamp(),"
            " created_at = clock_timestamp() - %s::interval WHERE state = 'waiting'",
            (state, ago),
        )


def hear(desk: Desk) -> None:
    """Let a fan write just now."""
    desk.fan(platform_id="p")
    with desk.app.transaction() as connection:
        seen = conversations.SeenMessage("m1", False, "hello")
        conversations.store(connection, desk.creator_id, "p", [seen])


def test_a_creator_who_was_never_read_is_read_whole_and_once(
    desk: Desk, lanes: PostgresLanes
) -> None:
    lanes.plan_syncs(PACES)
    first = waiting(desk)
    assert set(first) == {"sync_threads", "sync_subscribers"}
    assert all(payload == {"full": True, "periodic": True} for payload in first.values())
    lanes.plan_syncs(PACES)
    assert len(desk.rows("SELECT FROM creator_commands")) == 2


@pytest.mark.parametrize(
    ("heard", "ago", "kinds"),
    [
        (False, "1 minute", set()),
        (True, "30 seconds", set()),
        (True, "2 minutes", {"sync_threads"}),
        (False, "30 minutes", {"sync_threads"}),
        (True, "90 minutes", {"sync_threads", "sync_subscribers"}),
        (False, "90 minutes", {"sync_threads"}),
        (False, "3 hours", {"sync_threads", "sync_subscribers"}),
    ],
)
def test_who_is_silent_is_read_less_often(
    desk: Desk, lanes: PostgresLanes, heard: bool, ago: str, kinds: set[str]
) -> None:
    if heard:
        hear(desk)
    lanes.plan_syncs(PACES)
    end_all(desk, ago=ago)
    lanes.plan_syncs(PACES)
    found = waiting(desk)
    assert set(found) == kinds
    # The whole list of chats was read within the day; that of subscribers is always read whole.
    assert {kind: payload["full"] for kind, payload in found.items()} == {
        kind: kind == "sync_subscribers" for kind in kinds
    }


def test_once_a_day_and_after_a_failure_the_list_is_read_whole(
    desk: Desk, lanes: PostgresLanes
) -> None:
    hear(desk)
    lanes.plan_syncs(PACES)
    end_all(desk, ago="25 hours")
    lanes.plan_syncs(PACES)
    assert waiting(desk)["sync_threads"]["full"]
    end_all(desk, ago="2 minutes", state="failed")
    # A list that cannot be read is not asked for each minute.
    lanes.plan_syncs(PACES)
    assert waiting(desk) == {}
    with desk.app.transaction() as connection:
        connection.execute("UPDATE creator_commands SET created_at = created_at - interval '1h'")
    lanes.plan_syncs(PACES)
    assert waiting(desk)["sync_threads"]["full"]


def test_what_is_over_makes_room_and_what_people_asked_for_stays(
    desk: Desk, lanes: PostgresLanes
) -> None:
    with desk.app.transaction() as connection:
        syncs.request_all(
            connection,
            workspace_id=desk.workspace_id,
            creator_id=desk.creator_id,
            requested_by=desk.user_id,
        )
    end_all(desk, ago="20 hours")
    for minutes in (90, 60, 30):
        lanes.plan_syncs(PACES)
        assert not waiting(desk)["sync_threads"]["full"]
        end_all(desk, ago=f"{minutes} minutes")
    lanes.plan_syncs(PACES)
    rows = desk.rows("SELECT requested_by, state FROM creator_commands WHERE kind = 'sync_threads'")
    # What was asked for; the last that came by itself; the next.
    assert len(rows) == 3
    assert [row["requested_by"] for row in rows].count(desk.user_id) == 1


@pytest.mark.parametrize(
    "unfit",
    [
        {"status": "stopped", "stop_reason": "captcha"},
        {"status": "stopped", "stop_reason": "disconnected"},
        {"kill_switch": True},
    ],
)
def test_a_lane_that_stands_still_is_not_read(
    desk: Desk, lanes: PostgresLanes, unfit: dict[str, object]
) -> None:
    desk.set_lane(**unfit)
    lanes.plan_syncs(PACES)
    assert waiting(desk) == {}


def test_nobody_is_read_without_consent_or_under_an_operators_switch(
    desk: Desk, lanes: PostgresLanes
) -> None:
    desk.set_creator(driver_consent_at=None)
    lanes.plan_syncs(PACES)
    assert waiting(desk) == {}
    desk.set_creator(driver_consent_at="now")
    lanes.stop("profile:fan_platform", reason="r", by="b")
    try:
        lanes.plan_syncs(PACES)
    finally:
        lanes.go("profile:fan_platform")
    assert waiting(desk) == {}


def test_whoever_asks_for_a_sync_gets_the_whole_of_it(desk: Desk, lanes: PostgresLanes) -> None:
    lanes.plan_syncs(PACES)
    end_all(desk, ago="2 hours")
    lanes.plan_syncs(PACES)
    assert not waiting(desk)["sync_threads"]["full"]
    with desk.app.transaction() as connection:
        syncs.request_all(
            connection,
            workspace_id=desk.workspace_id,
            creator_id=desk.creator_id,
            requested_by=desk.user_id,
        )
    assert waiting(desk)["sync_threads"] == {}


def test_the_sweep_plans_where_the_stage_wants_it_and_wakes_even_if_it_cannot(
    desk: Desk,
    as_role: Callable[[str], Connection],
    monkeypatch: pytest.MonkeyPatch,
    lambda_context: Any,
) -> None:
    source = SingleConnection(lambda: as_role("relay"))
    monkeypatch.setattr(door, "database", lambda: source)
    woken: set[UUID] = set()
    monkeypatch.setattr(door, "wake_creators", lambda found: woken.update(found) or len(found))
    settings = SimpleNamespace(periodic_sync=False)
    monkeypatch.setattr(door, "load", lambda _: settings)
    assert door.handler({}, lambda_context)["syncs_planned"] == 0
    assert desk.creator_id not in woken
    settings.periodic_sync = True
    assert door.handler({}, lambda_context)["syncs_planned"] > 0
    assert desk.creator_id in woken
    woken.clear()

    def fail(*_: object) -> int:
        raise psycopg.OperationalError

    monkeypatch.setattr(PostgresLanes, "plan_syncs", fail)
    with pytest.raises(door.SyncsNotPlannedError):
        door.handler({}, lambda_context)
    assert desk.creator_id in woken


def test_the_paces_in_force_are_sensible() -> None:
    found = paces()
    assert set(found.kinds) == set(syncs.SYNCS)
    assert found.kinds["sync_threads"].active <= 60
    with pytest.raises(ValidationError):
        Pace(active=600, silent=60)
