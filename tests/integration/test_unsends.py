"""Messages that are to be taken back: they are gone in the end, or whoever asked hears of it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock, Mock
from uuid import UUID

import pytest

from browser_worker import lane as lane_module
from browser_worker import ledger as ledger_module
from browser_worker import orders
from browser_worker.delivery import Delivery
from browser_worker.lane import Lane
from browser_worker.ledger import LaneLedger
from browser_worker.profile import SiteProfile, load_profile
from browser_worker.site import Site
from browser_worker.trouble import (
    FanGone,
    MessageTooOld,
    NavigationTimeout,
    SelectorDrift,
    ServerError,
    SessionExpired,
    Trouble,
)
from browser_worker.workbench import Workbench
from functions.lanes.repository import PostgresLanes
from huntaze import correlation
from huntaze.db import Connection, SingleConnection
from huntaze.domain.outbound import commands, lanes
from huntaze.domain.outbound.lanes import DueSend
from huntaze.ids import new_id
from tests.fakes.creator_desk import LEASE, Desk
from tests.fakes.staff import Staff

FAILED = ServerError("500")


class Unsending:
    """A lane that obeys its orders on pages of the test's own."""

    def __init__(self, desk: Desk, sweep: PostgresLanes, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = desk
        self._sweep = sweep
        self.thread = AsyncMock()
        site = AsyncMock()
        site.open_thread.return_value = self.thread
        for module in (orders, lane_module):
            monkeypatch.setattr(module, "Site", Mock(open=AsyncMock(return_value=site)))
        self._bench = Workbench(
            browser=Mock(),
            sessions=Mock(),
            load_profile=load_profile,
            observe=lambda _: None,
            leaving=lambda: False,
            hand_over_seconds=60,
        )

    def sent(self, **columns: object) -> UUID:
        """Add a message that was sent."""
        send_id = new_id()
        return self.desk.send(
            state="sent", platform_message_id=f"m-{send_id}", id=send_id, **columns
        )

    def order(self, *send_ids: UUID, by: UUID | None = None) -> None:
        """Order that messages be taken back, all in one request."""
        with (
            correlation.within(new_id(), workspace_id=self.desk.workspace_id),
            self.desk.app.transaction() as connection,
        ):
            commands.request_unsend(
                connection,
                workspace_id=self.desk.workspace_id,
                creator_id=self.desk.creator_id,
                send_ids=send_ids,
                requested_by=by or self.desk.user_id,
            )

    def obey(self) -> int:
        """Do what the lane does now until no order is left; how many steps that were."""
        self.desk.set_lane(leased_until="2020-01-01")
        claim = self.desk.claim()
        ledger = LaneLedger(self.desk.source, claim, LEASE)
        count = asyncio.run(self._obey(Lane(self._bench, claim, ledger), ledger))
        self.desk.set_lane(leased_until=None)
        return count

    async def _obey(self, lane: Lane, ledger: LaneLedger) -> int:
        count = 0
        while (view := await ledger.look(LEASE)).command is not None:
            await lane._step(view)
            count += 1
        return count

    def pass_time(self) -> None:
        """Let every order be due that was put off."""
        with self.desk.app.transaction() as connection:
            connection.execute("UPDATE creator_commands SET due_at = clock_timestamp()")

    def obey_to_the_end(self) -> None:
        """Carry everything out, whatever is put off."""
        while self.obey():
            self.pass_time()

    def is_woken(self) -> bool:
        """Whether the sweep sends a worker."""
        return self.desk.creator_id in self._sweep.with_due_work()

    def states(self) -> set[str]:
        """How the orders stand."""
        return {row["state"] for row in self.desk.rows("SELECT state FROM creator_commands")}


@pytest.fixture
def unsending(
    open_desk: Callable[..., Desk],
    as_role: Callable[[str], Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> Unsending:
    monkeypatch.setattr(ledger_module.outbox, "nudge", lambda: None)
    sweep = PostgresLanes(SingleConnection(lambda: as_role("relay")))
    return Unsending(open_desk(), sweep, monkeypatch)


@pytest.fixture
def staff(unsending: Unsending, join_staff: Callable[[Desk], Staff]) -> Staff:
    return join_staff(unsending.desk)


def test_a_platform_that_fails_once_is_asked_again(unsending: Unsending, staff: Staff) -> None:
    send_id = unsending.sent()
    unsending.order(send_id)
    assert unsending.is_woken()
    unsending.thread.unsend.side_effect = [FAILED, True]
    assert unsending.obey() == 1
    # Nothing to do before its time, and nobody is woken for it.
    assert (unsending.obey(), unsending.is_woken(), unsending.states()) == (0, False, {"waiting"})
    unsending.pass_time()
    assert unsending.is_woken()
    assert unsending.obey() == 1
    assert unsending.desk.row(send_id)["unsent_at"] is not None
    assert (unsending.states(), staff.kinds()) == ({"done"}, set())


def test_what_a_creator_must_log_in_for_waits_and_costs_no_try(
    unsending: Unsending, staff: Staff
) -> None:
    send_id = unsending.sent()
    unsending.order(send_id)
    unsending.thread.unsend.side_effect = SessionExpired("log in")
    for _ in range(commands.MAX_FAILURES + 1):
        assert unsending.obey() == 1
        assert unsending.desk.lane()["stop_reason"] == "session_expired"
        assert (unsending.obey(), unsending.is_woken()) == (0, False)
        with unsending.desk.app.transaction() as connection:
            lanes.activate(connection, unsending.desk.creator_id)
        assert unsending.is_woken()
    unsending.thread.unsend.side_effect = None
    assert unsending.obey() == 1
    assert unsending.desk.row(send_id)["unsent_at"] is not None
    assert staff.told("message_not_taken_back") == []


@pytest.mark.parametrize(
    ("reason", "goes_on"),
    [
        *((reason, False) for reason in ("session_expired", "login_refused", "captcha")),
        *((reason, False) for reason in ("two_factor", "not_connected")),
        ("selector_drift", True),
    ],
)
def test_a_stopped_lane_takes_back_what_needs_no_login(
    unsending: Unsending, reason: str, goes_on: bool
) -> None:
    unsending.order(unsending.sent())
    unsending.desk.set_lane(status="stopped", stop_reason=reason)
    assert unsending.is_woken() is goes_on
    assert unsending.obey() == int(goes_on)


def test_a_switch_that_stops_all_sends_lets_messages_be_taken_back(unsending: Unsending) -> None:
    unsending.order(unsending.sent())
    unsending.desk.set_lane(kill_switch=True)
    assert unsending.is_woken()
    assert unsending.obey() == 1


@pytest.mark.parametrize("trouble", [FAILED, SelectorDrift("There is no button to unsend.")])
def test_whoever_asked_hears_of_what_stays(
    unsending: Unsending, staff: Staff, trouble: Exception
) -> None:
    send_id = unsending.sent()
    unsending.order(send_id, by=staff.people["chatter"])
    unsending.thread.unsend.side_effect = trouble
    unsending.obey_to_the_end()
    assert unsending.thread.unsend.call_count == commands.MAX_FAILURES
    assert unsending.states() == {"failed"}
    assert staff.told("message_not_taken_back") == ["chatter"]
    (told,) = unsending.desk.events("message.not_taken_back")
    assert told["fan_id"] == str(unsending.desk.row(send_id)["fan_id"])
    assert told["messages"] == 1
    # It may be ordered again.
    unsending.order(send_id)
    unsending.thread.unsend.side_effect = None
    assert unsending.obey() == 1
    assert unsending.desk.row(send_id)["unsent_at"] is not None


@pytest.mark.parametrize("trouble", [FanGone("no such fan"), MessageTooOld("too far back")])
def test_what_cannot_be_found_is_said_at_once(
    unsending: Unsending, staff: Staff, trouble: Trouble
) -> None:
    unsending.thread.unsend.side_effect = trouble
    unsending.order(unsending.sent())
    unsending.order(unsending.desk.send(state="sent"))
    assert unsending.obey() == 2
    assert unsending.states() == {"failed"}
    assert staff.told("message_not_taken_back") == ["owner", "owner"]


def test_a_reply_waits_for_no_messages_that_are_to_be_taken_back(
    unsending: Unsending, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    desk = unsending.desk

    async def time_out(*_: object) -> None:
        if not happened:
            desk.send()
        happened.append("unsend")
        raise NavigationTimeout("no page")

    async def deliver(
        _site: Site, _ledger: LaneLedger, _profile: SiteProfile, due: DueSend, _: object
    ) -> Delivery:
        happened.append("reply")
        desk.set_send(due.id, state="cancelled")
        return Delivery("sent", 1.0)

    unsending.thread.unsend.side_effect = time_out
    monkeypatch.setattr(lane_module, "deliver", deliver)
    unsending.order(*(unsending.sent() for _ in range(50)))
    assert unsending.obey() == 51
    assert happened == ["unsend", "reply", *["unsend"] * 49]


def test_a_login_goes_before_all_messages_that_are_to_be_taken_back(unsending: Unsending) -> None:
    desk = unsending.desk
    unsending.order(*(unsending.sent() for _ in range(3)))
    with desk.app.transaction() as connection:
        login = commands.request(
            connection,
            workspace_id=desk.workspace_id,
            creator_id=desk.creator_id,
            kind="connect",
            payload={},
            requested_by=desk.user_id,
        )
    claim = desk.claim()
    with desk.worker.transaction() as connection:
        order = commands.next_order(connection, claim)
        assert order is not None
        assert order.id == login
        commands.withdraw(connection, desk.creator_id, why="disconnected")
        # What was called back meanwhile is not carried out.
        assert not commands.take(connection, claim, order)


def test_a_campaign_that_is_taken_back_tells_once(unsending: Unsending, staff: Staff) -> None:
    campaign_id = unsending.desk.campaign("completed")
    sends = [unsending.sent(campaign_id=campaign_id) for _ in range(5)]
    unsending.order(*sends, by=staff.people["manager"])
    unsending.thread.unsend.side_effect = [True, *[FAILED] * 4]
    assert unsending.obey() == 5
    assert staff.kinds() == set()
    unsending.pass_time()
    unsending.thread.unsend.side_effect = [True, *[FAILED] * 3 * commands.MAX_FAILURES]
    unsending.obey_to_the_end()
    assert staff.told("message_not_taken_back") == ["manager"]
    (told,) = unsending.desk.events("message.not_taken_back")
    assert told["campaign_id"] == str(campaign_id)
    assert (told["messages"], told["fan_id"], told["reason"]) == (3, None, "server_error")


def test_a_worker_that_died_before_it_said_so_has_taken_it_back(
    unsending: Unsending, staff: Staff
) -> None:
    unsending.order(unsending.sent(unsent_at="now"))
    assert unsending.obey() == 1
    assert (unsending.states(), staff.kinds()) == ({"done"}, set())
    assert not unsending.thread.unsend.called


def test_disconnecting_tells_once_of_each_request_that_messages_stay(
    unsending: Unsending, staff: Staff
) -> None:
    desk = unsending.desk
    campaign_id = desk.campaign("completed")
    unsending.order(
        *(unsending.sent(campaign_id=campaign_id) for _ in range(3)), by=staff.people["manager"]
    )
    unsending.order(unsending.sent(), by=staff.people["chatter"])
    with desk.app.transaction() as connection:
        commands.withdraw(connection, desk.creator_id, why="the creator was disconnected")
    assert unsending.states() == {"failed"}
    told = desk.events("message.not_taken_back")
    assert sorted((one["messages"], one["reason"]) for one in told) == [
        (1, "not_connected"),
        (3, "not_connected"),
    ]
    assert sorted(staff.told("message_not_taken_back")) == ["chatter", "manager"]


@pytest.mark.parametrize(
    ("stopped_hours", "ordered_hours", "given_up"),
    [(25, 25, True), (25, 23, False), (23, 25, False)],
)
def test_after_a_day_without_a_login_whoever_asked_hears_that_it_stays(
    unsending: Unsending, staff: Staff, stopped_hours: int, ordered_hours: int, given_up: bool
) -> None:
    desk = unsending.desk
    unsending.order(unsending.sent())
    stopped = datetime.now(UTC) - timedelta(hours=stopped_hours)
    desk.set_lane(status="stopped", stop_reason="captcha", stopped_at=stopped)
    with desk.app.transaction() as connection:
        connection.execute(
            "UPDATE creator_commands SET created_at = clock_timestamp() - %s",
            (timedelta(hours=ordered_hours),),
        )
    assert unsending.is_woken() is given_up
    assert unsending.obey() == int(given_up)
    assert not unsending.thread.unsend.called
    assert staff.told("message_not_taken_back") == ["owner"] * given_up
    reasons = [one["reason"] for one in desk.events("message.not_taken_back")]
    assert reasons == ["captcha"] * given_up
    # Where the creator has logged in meanwhile it is tried, however old it is.
    with desk.app.transaction() as connection:
        lanes.activate(connection, desk.creator_id)
    assert unsending.obey() == int(not given_up)
    assert unsending.thread.unsend.called is not given_up
