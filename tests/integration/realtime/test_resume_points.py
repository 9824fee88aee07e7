"""However connections break and whoever commits meanwhile: each event once, in order, to each."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.realtime.models import News
from functions.realtime.repository import PostgresJournal
from functions.realtime.service import Desk, deliver
from huntaze.db import EVERY_MEMBER, SingleConnection, Tenant
from huntaze.ids import new_id
from tests.fakes.live_client import Client, UnsureSockets
from tests.fakes.live_scene import Connections

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
# What a message may meet: it arrives; it is lost; it arrives, and nobody knows.
FATES = {"fine": (True, True), "lost": (False, False), "unsure": (True, False)}

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("happens"), st.integers(1, 4), st.booleans()),
        st.tuples(st.just("repeats"), st.just(0), st.booleans()),
        st.tuples(st.just("fate"), st.sampled_from(sorted(FATES)), st.booleans()),
        st.tuples(st.just("resumes"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("hears"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("polls"), st.integers(1, 5), st.booleans()),
    ),
    min_size=1,
    max_size=25,
)


class World:
    """A workspace with a journal, an owner who sees everything, and a chatter who does not."""

    def __init__(
        self, open_journal: Callable[[], PostgresJournal], ids: Any, sessions: Any
    ) -> None:
        self.ids, self.open_journal = ids, open_journal
        self.fates: list[str] = []
        self.sockets = UnsureSockets(self.fate)
        self.connections = Connections()
        self.desk = Desk(open_journal(), self.connections, self.sockets)
        self.start = self.desk.journal.head()  # type: ignore[attr-defined]
        self.clients = [
            Client(name, ids.workspace_id, one, self.start) for name, one in sessions.items()
        ]
        self.last: list[News] = []

    def fate(self) -> tuple[bool, bool]:
        """What the next message meets."""
        return FATES[self.fates.pop(0) if self.fates else "fine"]

    def news(self, count: int, *, shared: bool) -> list[News]:
        """Events of the creator whom both see, or of no creator."""
        creator = self.ids.creator_id if shared else None
        return [
            News(
                event_id=new_id(),
                type="message.created",
                creator_id=creator,
                user_id=None,
                data={},
                occurred_at=NOW,
            )
            for _ in range(count)
        ]

    def tell(self, news: list[News], desk: Desk | None = None) -> None:
        """What the fan-out does."""
        desk = desk or self.desk
        desk.journal.add(news)  # type: ignore[attr-defined]
        deliver(self.connections.listening(self.ids.workspace_id), desk)

    def end(self) -> None:
        """Let everybody come back once more, and compare what they got with the journal."""
        self.fates.clear()
        for client in self.clients:
            client.resume(self.desk, self.sockets, self.connections)
            client.read(self.sockets)
        entries = self.desk.journal.read(self.start.position, 10_000).entries
        owner, chatter = self.clients
        assert owner.got == [str(one.event_id) for one in entries]
        shared = [str(one.event_id) for one in entries if one.creator_id is not None]
        assert chatter.got == shared


@pytest.fixture
def make_world(tenant_factory, as_role, log_in, join) -> Callable[..., World]:
    shared = SingleConnection(lambda: as_role("app"))
    # One workspace for all examples; each begins where the journal ended before.
    ids = tenant_factory()

    def make(*, threads: bool = False) -> World:
        chatter = join(ids, creators=[ids.creator_id])
        sessions: dict[str, UUID] = {"owner": log_in(ids), "chatter": log_in(ids, chatter)}

        def open_journal() -> PostgresJournal:
            source = SingleConnection(lambda: as_role("app")) if threads else shared
            return PostgresJournal(Tenant(source, ids.workspace_id, member=EVERY_MEMBER))

        return World(open_journal, ids, sessions)

    return make


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=ACTIONS)
def test_nothing_is_lost_or_repeated_wherever_a_connection_breaks(make_world, actions):
    world = make_world()
    for client in world.clients:
        client.resume(world.desk, world.sockets, world.connections)
    for what, how, flag in actions:
        match what:
            case "happens":
                world.last = world.news(how, shared=flag)
                world.tell(world.last)
            case "repeats":
                world.tell(world.last)
            case "fate":
                world.fates.append(how)
            case "resumes":
                world.clients[how].resume(world.desk, world.sockets, world.connections)
            case "hears":
                world.clients[how].read(world.sockets)
            case _:
                client = world.clients[flag]
                client.read(world.sockets)
                client.poll(world.desk.journal, how)
                # Who polls has no connection: what it is sent there is not looked at.
                world.sockets.close(client.connection)
    world.end()


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_or_repeated_while_others_commit(make_world, seed):
    world = make_world(threads=True)
    dice = random.Random(seed)  # noqa: S311 - a schedule, no secret
    stop = threading.Event()
    lock = threading.Lock()

    def fate() -> tuple[bool, bool]:
        with lock:
            return FATES[dice.choice(["fine"] * 8 + ["lost", "unsure"])]

    world.sockets._fate = fate

    def work(number: int) -> None:
        desk = Desk(world.open_journal(), world.connections, world.sockets)
        own = random.Random(f"{seed}/{number}")  # noqa: S311 - a schedule, no secret
        for _ in range(15):
            world.tell(world.news(own.randint(1, 3), shared=own.random() < 0.6), desk)

    def come_and_go(client: Client) -> None:
        desk = Desk(world.open_journal(), world.connections, world.sockets)
        while not stop.is_set():
            client.resume(desk, world.sockets, world.connections)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    comers = [threading.Thread(target=come_and_go, args=(one,)) for one in world.clients]
    for one in (*workers, *comers):
        one.start()
    for one in workers:
        one.join()
    stop.set()
    for one in comers:
        one.join()
    world.sockets._fate = world.fate
    world.end()
