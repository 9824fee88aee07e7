"""The journal on Postgres: one order, no gap that a reader could see, nothing twice."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from functions.realtime import cursors
from functions.realtime.models import START, News, Place
from functions.realtime.repository import PostgresJournal
from huntaze.auth import Role
from huntaze.db import EVERY_MEMBER, Connection, SingleConnection, Tenant
from huntaze.ids import new_id

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def news(kind: str = "message.created", **more: Any) -> News:
    """Something that has happened."""
    facts = {"creator_id": None, "user_id": None, "data": {}, **more}
    return News(event_id=new_id(), type=kind, occurred_at=NOW, **facts)


@pytest.fixture
def ids(tenant_factory: Callable[..., Any]) -> Any:
    return tenant_factory()


@pytest.fixture
def journal_of(as_role: Callable[[str], Connection]) -> Callable[..., PostgresJournal]:
    """Open the journal of a workspace on a connection of its own."""

    def make(
        workspace_id: UUID, creators: list[UUID] | None = None, member: Any = EVERY_MEMBER
    ) -> PostgresJournal:
        source = SingleConnection(lambda: as_role("app"))
        return PostgresJournal(Tenant(source, workspace_id, creators, member=member))

    return make


@pytest.fixture
def journal(ids: Any, journal_of: Callable[..., PostgresJournal]) -> PostgresJournal:
    return journal_of(ids.workspace_id)


def test_events_get_places_in_their_order_and_each_one(journal, ids):
    first, second = news(creator_id=ids.creator_id), news(user_id=ids.user_id)
    assert journal.add([first, second]) == 2
    assert journal.add([second, news()]) == 1
    entries, end, more, _ = journal.read(0, 10)
    assert [one.position for one in entries] == [1, 2, 3]
    assert [one.event_id for one in entries[:2]] == [first.event_id, second.event_id]
    assert (end, more) == (entries[-1].place, False)
    assert journal.head() == end
    assert journal.add([first, second]) == 0
    assert journal.head() == end


def test_an_empty_journal_begins_at_the_start(journal):
    assert journal.head() == START
    assert journal.read(0, 10) == ([], START, False, 0)
    journal.require(START)


def test_a_long_journal_is_read_in_parts(journal):
    journal.add([news() for _ in range(7)])
    entries, end, more, head = journal.read(2, 3)
    assert ([one.position for one in entries], end.position, more, head) == ([3, 4, 5], 5, True, 7)
    entries, end, more, head = journal.read(5, 2)
    assert ([one.position for one in entries], end.position, more, head) == ([6, 7], 7, False, 7)


def test_what_concerns_somebody_who_is_gone_is_not_written_down(journal, ids):
    assert journal.add([news(creator_id=new_id()), news(user_id=new_id()), news()]) == 1
    assert journal.head().position == 1
    assert ids.creator_id


def test_a_campaign_knows_whose_it_is(journal, ids, open_campaign):
    campaign_id = open_campaign(ids)
    of_it = {"campaign_id": str(campaign_id)}
    gone = {"campaign_id": str(new_id())}
    journal.add([news("campaign.progress", data=of_it), news("campaign.progress", data=gone)])
    assert [one.creator_id for one in journal.read(0, 9).entries] == [ids.creator_id, None]


@pytest.fixture
def open_campaign(tenant) -> Callable[[Any], UUID]:
    def make(ids: Any) -> UUID:
        campaign_id, segment_id = new_id(), new_id()
        with tenant(ids.workspace_id).transaction() as connection:
            connection.execute(
                "INSERT INTO segments (workspace_id, id, creator_id, name, rules)"
                " VALUES (%s, %s, %s, 'all', '{}')",
                (ids.workspace_id, segment_id, ids.creator_id),
            )
            connection.execute(
                "INSERT INTO campaigns"
                " (workspace_id, id, creator_id, segment_id, name, variants, created_by)"
                " VALUES (%s, %s, %s, %s, 'n', '[]', %s)",
                (ids.workspace_id, campaign_id, ids.creator_id, segment_id, ids.user_id),
            )
        return campaign_id

    return make


def test_a_workspace_that_is_gone_has_no_journal(journal_of):
    nobodys = journal_of(new_id())
    assert nobodys.add([news()]) == 0
    assert nobodys.head() == START


# Cursors


def test_a_place_is_good_while_what_follows_it_is_kept(journal, ids, as_role):
    journal.add([news() for _ in range(4)])
    places = [one.place for one in journal.read(0, 9).entries]
    for place in (START, *places):
        journal.require(place)
    _age(as_role, ids.workspace_id, upto=2)
    journal.forget()
    for place in places[2:]:
        journal.require(place)
    for place in (START, *places[:2]):
        with pytest.raises(cursors.CursorExpiredError):
            journal.require(place)


def test_a_day_later_the_last_place_is_still_good(journal, ids, as_role):
    journal.add([news(), news()])
    _age(as_role, ids.workspace_id, upto=2)
    journal.forget()
    assert journal.read(0, 9).entries == []
    journal.require(journal.head())
    journal.add([news()])
    assert [one.position for one in journal.read(2, 9).entries] == [3]


def test_a_place_of_another_journal_is_refused(journal, journal_of, tenant_factory):
    journal.add([news(), news()])
    other = journal_of(tenant_factory().workspace_id)
    other.add([news(), news()])
    for place in (other.read(0, 9).entries[0].place, other.head(), Place(9, new_id())):
        with pytest.raises(cursors.CursorExpiredError):
            journal.require(place)


def _age(as_role: Callable[[str], Connection], workspace_id: UUID, *, upto: int) -> None:
    as_role("master").execute(
        "UPDATE live_events SET created_at = created_at - interval '25 hours'"
        " WHERE workspace_id = %s AND position <= %s",
        (workspace_id, upto),
    )


# Who listens


def test_who_listens_is_a_member_whose_session_lives(journal, ids, as_role, tenant_factory):
    identity = as_role("identity")
    mine, over, ended, foreign = (new_id() for _ in range(4))
    stranger = tenant_factory()
    for session_id, workspace_id, user_id, hours in (
        (mine, ids.workspace_id, ids.user_id, 1),
        (over, ids.workspace_id, ids.user_id, -1),
        (ended, ids.workspace_id, ids.user_id, 1),
        (foreign, stranger.workspace_id, stranger.user_id, 1),
    ):
        identity.execute(
            "INSERT INTO sessions (id, user_id, workspace_id, expires_at)"
            " VALUES (%s, %s, %s, now() + make_interval(hours => %s))",
            (session_id, user_id, workspace_id, hours),
        )
    identity.execute("UPDATE sessions SET revoked_at = now() WHERE id = %s", (ended,))
    viewers = journal.viewers([mine, over, ended, foreign, new_id()])
    assert viewers == {mine: (ids.user_id, Role.OWNER, None)}


# Order and commits


def test_no_reader_sees_a_place_before_those_in_front_of_it(ids, journal_of):
    """Whoever has the earlier place commits first, however many write."""
    stop = threading.Event()
    gaps: list[list[int]] = []

    def watch() -> None:
        reader = journal_of(ids.workspace_id)
        while not stop.is_set():
            seen = [one.position for one in reader.read(0, 1000).entries]
            if seen != list(range(1, len(seen) + 1)):
                gaps.append(seen)

    def write() -> None:
        writer = journal_of(ids.workspace_id)
        for _ in range(25):
            writer.add([news(), news()])

    watcher = threading.Thread(target=watch)
    writers = [threading.Thread(target=write) for _ in range(4)]
    watcher.start()
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    stop.set()
    watcher.join()
    assert gaps == []
    assert journal_of(ids.workspace_id).head().position == 200
