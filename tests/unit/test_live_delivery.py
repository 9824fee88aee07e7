"""Delivery: in order, nothing twice, nothing left out, and a client that hangs delays nobody."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from functions.realtime import cursors
from functions.realtime.models import Entry, Listener, Place, Stretch, Viewer
from functions.realtime.service import FRAME_EVENTS, HELD_FOR, Desk, Unsent, deliver, frames
from huntaze.auth import Role
from huntaze.ids import new_id
from tests.fakes.live_scene import Connections, Sockets

WORKSPACE, CREATOR, OTHER = new_id(), new_id(), new_id()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Journal:
    """A journal in memory, and members by their sessions."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.members: dict[UUID, Viewer] = {}

    def add(self, creator_id: UUID = CREATOR) -> Entry:
        """Let something happen."""
        entry = Entry(
            workspace_id=WORKSPACE,
            position=len(self.entries) + 1,
            event_id=new_id(),
            type="message.created",
            creator_id=creator_id,
            user_id=None,
            data={},
            occurred_at=NOW,
        )
        self.entries.append(entry)
        return entry

    def read(self, after: int, most: int) -> Stretch:
        """Read on."""
        entries = self.entries[after : after + most]
        more = after + most < len(self.entries)
        end = entries[-1].place if entries else Place(after, None)
        return Stretch(entries, end, more, len(self.entries))

    def viewers(self, sessions) -> dict[UUID, Viewer]:
        """Who listens."""
        return {one: self.members[one] for one in sessions if one in self.members}


class Scene:
    """A workspace with a journal, and connections to it."""

    def __init__(self) -> None:
        self.journal, self.connections, self.sockets = Journal(), Connections(), Sockets()
        self.desk = Desk(self.journal, self.connections, self.sockets)

    def connect(self, name: str, creators: frozenset[UUID] | None = None, place: int = 0) -> UUID:
        """Let a member listen."""
        session_id = new_id()
        self.journal.members[session_id] = Viewer(new_id(), Role.CHATTER, creators)
        self.connections.open(name, WORKSPACE, session_id, place)
        return session_id

    def listener(self, name: str) -> Listener:
        """A connection as it is listed."""
        (found,) = [
            one for one in self.connections.listening(WORKSPACE) if one.connection_id == name
        ]
        return found

    def deliver(self, **more):
        """Deliver to everybody."""
        return deliver(self.connections.listening(WORKSPACE), self.desk, **more)

    def heard(self, name: str) -> list[int]:
        """The positions of what a connection was sent."""
        return [cursors.read(item["cursor"]).position for item in self.sockets.items(name)]


def _pong(place: Place | None) -> str:
    return json.dumps({"type": "pong", "at": place and cursors.write(place)})


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_each_gets_what_they_may_see_in_order_and_once(scene):
    scene.connect("all")
    scene.connect("first", frozenset({CREATOR}))
    for creator in (CREATOR, OTHER, CREATOR):
        scene.journal.add(creator)
    scene.deliver()
    scene.deliver()
    assert scene.heard("all") == [1, 2, 3]
    assert scene.heard("first") == [1, 3]


def test_the_cursor_of_a_message_leads_behind_what_was_not_shown(scene):
    scene.connect("first", frozenset({CREATOR}))
    scene.journal.add(CREATOR)
    end = scene.journal.add(OTHER)
    scene.deliver()
    (frame,) = scene.sockets.sent["first"]
    assert frame["cursor"] == cursors.write(end.place)
    assert scene.listener("first").position == 2


def test_what_is_not_for_a_member_costs_nothing_and_is_passed_by_in_the_end(scene):
    scene.connect("first", frozenset({CREATOR}))
    for _ in range(150):
        scene.journal.add(OTHER)
    assert scene.deliver() == {"silent": 1}
    assert scene.listener("first").position == 0
    for _ in range(100):
        scene.journal.add(OTHER)
    scene.deliver()
    assert scene.listener("first").position == 250
    assert scene.sockets.sent == {}


def test_many_events_come_in_messages_of_a_bounded_size():
    journal = Journal()
    entries = [journal.add() for _ in range(2 * FRAME_EVENTS + 1)]
    end = Place(999, new_id())
    sent = [json.loads(frame) for frame in frames(entries, end)]
    assert [len(one["items"]) for one in sent] == [FRAME_EVENTS, FRAME_EVENTS, 1]
    assert [one["cursor"] for one in sent] == [
        cursors.write(entries[FRAME_EVENTS - 1].place),
        cursors.write(entries[2 * FRAME_EVENTS - 1].place),
        cursors.write(end),
    ]
    # The most that API Gateway takes.
    assert max(len(frame) for frame in frames(entries, end)) < 128_000


def test_of_much_that_was_missed_each_part_is_sent_before_the_next_is_read(scene):
    scene.connect("late")
    for _ in range(2_000):
        scene.journal.add()
    read, sent = scene.journal.read, []

    def dies_in_the_end(after, most):
        sent.append(len(scene.heard("late")))
        if after >= 1_500:
            raise RuntimeError("the function's time is up")
        return read(after, most)

    scene.journal.read = dies_in_the_end
    with pytest.raises(RuntimeError):
        scene.deliver()
    assert sent == [0, 500, 1_000, 1_500]
    assert scene.heard("late") == list(range(1, 1_501))
    # The client comes back with the cursor of what it has got.
    scene.journal.read = read
    scene.connections.open("again", WORKSPACE, scene.listener("late").session_id, 1_500)
    deliver([scene.listener("again")], scene.desk)
    assert scene.heard("again") == list(range(1_501, 2_001))


def test_a_session_that_is_over_hears_no_more(scene):
    session = scene.connect("gone")
    scene.connect("here")
    del scene.journal.members[session]
    scene.journal.add()
    assert scene.deliver() == {"ended": 1, "held": 1}
    assert "gone" not in scene.sockets.sent
    assert scene.sockets.closed == {"gone"}
    assert [one.connection_id for one in scene.connections.listening(WORKSPACE)] == ["here"]


def test_what_could_not_be_sent_ends_the_connection(scene):
    scene.connect("dead")
    scene.connect("here")

    def fail():
        raise Unsent("timed out")

    scene.sockets.trouble["dead"] = fail
    scene.journal.add()
    scene.deliver()
    assert scene.sockets.closed == {"dead"}
    assert scene.heard("here") == [1]


def test_a_client_that_hangs_delays_nobody(scene):
    """The others are served while it still takes its message."""
    release = threading.Event()
    scene.connect("hangs")
    names = [f"quick-{number}" for number in range(30)]
    for name in names:
        scene.connect(name)
    everybody = threading.Semaphore(0)
    for name in names:
        scene.sockets.trouble[name] = everybody.release
    scene.sockets.trouble["hangs"] = lambda: release.wait() and None
    scene.journal.add()
    with ThreadPoolExecutor(1) as pool:
        delivered = pool.submit(scene.deliver)
        for _ in names:
            assert everybody.acquire(timeout=30)
        assert not delivered.done()
        # What happens meanwhile reaches the others by another call, and the slow one afterwards.
        scene.journal.add()
        scene.deliver()
        assert all(scene.heard(name) == [1, 2] for name in names)
        assert scene.heard("hangs") == []
        release.set()
        delivered.result()
    assert scene.heard("hangs") == [1, 2]


def test_hundreds_that_hang_or_are_gone_delay_nobody(scene):
    """Of a thousand, everybody else is served while three hundred still take their message."""
    release = threading.Event()
    everybody = threading.Semaphore(0)

    def gone():
        raise Unsent("gone")

    fates = {"hangs": lambda: release.wait() and None, "gone": gone, "quick": everybody.release}
    names = [f"{fate}-{number}" for fate in fates for number in range(300)]
    names += [f"quick-{number}" for number in range(300, 400)]
    for name in names:
        scene.connect(name)
        scene.sockets.trouble[name] = fates[name.partition("-")[0]]
    scene.journal.add()
    with ThreadPoolExecutor(1) as pool:
        delivered = pool.submit(scene.deliver)
        for _ in range(400):
            assert everybody.acquire(timeout=60)
        assert not delivered.done()
        release.set()
        assert delivered.result() == {"held": 700, "ended": 300}
    assert all(scene.heard(name) == [1] for name in names if not name.startswith("gone"))


def test_who_holds_a_connection_looks_again_before_it_lets_go(scene):
    scene.connect("one")
    scene.journal.add()

    def another_call():
        # While the first event is on its way, a second one happens and finds the connection held.
        scene.sockets.trouble.clear()
        scene.journal.add()
        assert scene.deliver() == {"noted": 1}

    scene.sockets.trouble["one"] = another_call
    scene.deliver()
    assert scene.heard("one") == [1, 2]
    assert scene.listener("one").position == 2


@pytest.mark.parametrize("left", [frozenset({OTHER}), None], ids=["a narrower scope", "nothing"])
def test_who_sees_less_meanwhile_hears_no_more_of_who_already_sends(scene, left):
    session = scene.connect("one", frozenset({CREATOR, OTHER}))
    scene.journal.add()

    def is_sent_away():
        # While the first event is on its way, the member's rights change and a second one happens.
        scene.sockets.trouble.clear()
        member = scene.journal.members.pop(session)
        if left is not None:
            scene.journal.members[session] = member._replace(creators=left)
        scene.journal.add(CREATOR)
        scene.connections.hold(scene.listener("one"), 2)

    scene.sockets.trouble["one"] = is_sent_away
    scene.deliver()
    assert scene.heard("one") == [1]
    assert scene.sockets.closed == (set() if left else {"one"})


def test_who_sees_less_before_it_happens_is_not_told(scene):
    session = scene.connect("one")
    read = scene.journal.read

    def changes_before_it_is_read(after, most):
        scene.journal.read = read
        scene.journal.members[session] = Viewer(new_id(), Role.CHATTER, frozenset({OTHER}))
        scene.journal.add(CREATOR)
        return read(after, most)

    scene.journal.read = changes_before_it_is_read
    scene.deliver()
    assert scene.heard("one") == []


def test_a_connection_whose_holder_died_is_ended(scene):
    scene.connect("one")
    scene.journal.add()

    def die():
        raise RuntimeError

    scene.sockets.trouble["one"] = die
    with pytest.raises(RuntimeError):
        scene.deliver()
    scene.sockets.trouble.clear()
    assert scene.deliver() == {"noted": 1}
    scene.connections.pass_time(HELD_FOR + timedelta(seconds=1))
    # Nobody knows whether the message arrived: the client comes back with its own cursor.
    assert scene.deliver() == {"ended": 1}
    assert scene.sockets.closed == {"one"}
    assert scene.heard("one") == []


def test_a_farewell_says_where_the_connection_has_got(scene):
    scene.connect("one", frozenset({CREATOR}))
    scene.journal.add(CREATOR)
    end = scene.journal.add(OTHER)
    listener = scene.listener("one")
    deliver([listener], scene.desk, farewell=_pong)
    assert [one["type"] for one in scene.sockets.sent["one"]] == ["events", "pong"]
    assert scene.sockets.sent["one"][1]["at"] == cursors.write(end.place)


def test_many_calls_at_once_send_each_event_once_and_in_order(scene):
    names = [f"c{number}" for number in range(6)]
    for name in names:
        scene.connect(name)

    def work(_: int) -> None:
        with lock:
            scene.journal.add()
        scene.deliver()

    lock = threading.Lock()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(60)))
    for name in names:
        assert scene.heard(name) == list(range(1, 61))
