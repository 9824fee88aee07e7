"""Tickets and connections in the table: each ticket once, each connection in one hand."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from functions.realtime.gateway import ApiGatewaySockets, DynamoTickets
from functions.realtime.models import START, Listener, Place, Ticket
from functions.realtime.service import HELD_FOR, Hold, Unsent
from huntaze import clients
from huntaze.ids import new_id

WORKSPACE, SESSION = new_id(), new_id()


def _ticket(origin: str | None = "https://app.example.com") -> Ticket:
    expires_at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    return Ticket(WORKSPACE, SESSION, new_id(), origin, expires_at)


@pytest.mark.parametrize("origin", [None, "https://app.example.com"])
def test_a_ticket_is_taken_once_and_kept_as_a_hash(table, origin):
    tickets = DynamoTickets(table)
    ticket = _ticket(origin)
    tickets.keep("secret", ticket)
    (stored,) = clients.dynamodb().scan(TableName=table)["Items"]
    assert "secret" not in str(stored)
    assert tickets.take("guess") is None
    assert tickets.take("secret") == ticket
    assert tickets.take("secret") is None


def test_who_comes_at_once_with_one_ticket_is_one(table):
    tickets = DynamoTickets(table)
    tickets.keep("secret", _ticket())
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: tickets.take("secret"), range(8)))
    assert sum(one is not None for one in taken) == 1


@pytest.fixture
def listener(connections) -> Listener:
    connections.open(WORKSPACE, "one", SESSION)
    assert connections.listening(WORKSPACE) == []
    assert connections.listen(WORKSPACE, "one", Place(7, new_id()))
    (found,) = connections.listening(WORKSPACE)
    assert found == Listener(WORKSPACE, "one", SESSION, 7)
    assert connections.find(WORKSPACE, "one") == found
    return found


def test_a_connection_listens_from_one_place(connections, listener):
    assert not connections.listen(WORKSPACE, "one", START)
    assert not connections.listen(WORKSPACE, "another", START)
    assert connections.find(WORKSPACE, "one") == listener
    assert connections.listening(new_id()) == []
    connections.remove(WORKSPACE, "one")
    assert connections.find(WORKSPACE, "one") is None


def test_one_holds_a_connection_and_hears_of_what_came_meanwhile(connections, listener):
    assert connections.hold(listener, 8) == (Hold.HELD, 7)
    assert connections.hold(listener, 9)[0] is Hold.NOTED
    assert connections.hold(listener, 8)[0] is Hold.NOTED
    assert connections.let_go(listener, 8) == 9
    assert connections.let_go(listener, 9) is None
    assert connections.hold(listener, 10) == (Hold.HELD, 9)


def test_who_died_with_a_connection_is_found_out(connections, listener, clock):
    connections.hold(listener, 8)
    clock.now += HELD_FOR
    assert connections.hold(listener, 9)[0] is Hold.NOTED
    clock.now += timedelta(seconds=1)
    assert connections.hold(listener, 9)[0] is Hold.BROKEN


def test_a_connection_that_goes_is_nobodys(connections, listener):
    connections.hold(listener, 8)
    connections.forget(listener)
    assert connections.let_go(listener, 8) is None
    assert connections.hold(listener, 9)[0] is Hold.NONE
    assert connections.find(WORKSPACE, "one") is None


def test_many_that_come_at_once_leave_it_in_one_hand(connections, listener):
    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(lambda end: connections.hold(listener, end)[0], range(8, 16)))
    assert sorted(came) == [Hold.HELD] + [Hold.NOTED] * 7
    highest = 15 if came[-1] is Hold.NOTED else 14
    assert connections.let_go(listener, 8) == highest


def test_what_the_gateway_does_not_take_is_unsent(gateway):
    sockets = ApiGatewaySockets("https://live.example")
    sockets.post("here", "hello")
    gateway.gone.add("gone")
    with pytest.raises(Unsent):
        sockets.post("gone", "hello")
    assert gateway.sent == {"here": ["hello"]}
