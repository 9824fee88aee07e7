"""Workers that take one lane from each other, on real Postgres, with threads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from huntaze.db import Connection
from huntaze.domain.outbound import grants
from huntaze.domain.outbound.grants import Granted, Refused
from huntaze.domain.outbound.lanes import Claim, DueSend
from tests.fakes.creator_desk import LONG, Desk
from tests.fakes.rate_rule import breaches


@pytest.fixture
def desk_of_a_thread(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]], database: dict[str, str]
) -> Iterator[Callable[[], Desk]]:
    """Make the same creator's desk anew, with connections of its own."""
    workspace_id, user_id, creator_id = tenant_factory()
    with ExitStack() as stack:

        def connect(role: str) -> Connection:
            return stack.enter_context(
                psycopg.connect(database[role], autocommit=True, prepare_threshold=None)
            )

        yield lambda: Desk(
            connect, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id
        )


@pytest.fixture
def steal(database: dict[str, str]) -> Callable[[UUID], Claim]:
    """Take a lane whoever holds it: as if the same worker had been started again."""

    def take(creator_id: UUID) -> Claim:
        with psycopg.connect(database["worker"], autocommit=True) as connection:
            row = connection.execute(
                "SELECT workspace_id, fencing_token FROM claim_lane(%s, 'shared', '30 s')",
                (creator_id,),
            ).fetchone()
        assert row is not None
        return Claim(row[0], creator_id, row[1])

    return take


@pytest.fixture
def send_what_is_due(
    desk_of_a_thread: Callable[[], Desk], steal: Callable[[UUID], Claim]
) -> Callable[[list[UUID], threading.Barrier], None]:
    """One worker: takes the lane every few messages, sends what it is granted."""

    def work(granted: list[UUID], start: threading.Barrier) -> None:
        desk = desk_of_a_thread()
        start.wait()
        for round_ in range(80):
            if round_ % 3 == 0:
                claim = steal(desk.creator_id)
            due = desk.next_due(claim)
            if due is None:
                return
            if isinstance(desk.grant(claim, due), Granted):
                granted.append(due.id)
                desk.confirm(claim, due.id, f"m-{due.id}")

    return work


def test_workers_who_fight_for_a_lane_keep_the_budget_and_send_nothing_twice(
    desk_of_a_thread: Callable[[], Desk],
    send_what_is_due: Callable[[list[UUID], threading.Barrier], None],
) -> None:
    desk = desk_of_a_thread()
    gap = timedelta(milliseconds=4)
    desk.open_lane(messages_per_minute=40, min_gap_ms=4)
    for _ in range(60):
        desk.send()
    granted: list[UUID] = []
    start = threading.Barrier(4)
    threads = [threading.Thread(target=send_what_is_due, args=(granted, start)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = desk.rows(
        "SELECT granted_at, settled_at, fencing_token FROM sends WHERE state = 'sent'"
        " ORDER BY granted_at"
    )
    assert len(granted) == len(set(granted)) == len(rows)
    assert 25 <= len(rows) <= 40
    assert len({row["fencing_token"] for row in rows}) > 2
    assert breaches([(row["granted_at"], row["settled_at"]) for row in rows], 40, gap) == []


def test_of_two_who_ask_for_the_same_message_one_gets_it(
    desk_of_a_thread: Callable[[], Desk],
) -> None:
    desk = desk_of_a_thread()
    desk.open_lane()
    answers: list[object] = []
    for _ in range(12):
        send_id = desk.send()
        claim = desk.claim("shared")
        due = desk.next_due(claim)
        start = threading.Barrier(2)

        def ask(
            other: Desk,
            claim: Claim = claim,
            due: DueSend | None = due,
            start: threading.Barrier = start,
        ) -> None:
            start.wait()
            answers.append(other.grant(claim, due))

        others = [threading.Thread(target=ask, args=(desk_of_a_thread(),)) for _ in range(2)]
        for thread in others:
            thread.start()
        for thread in others:
            thread.join()
        desk.confirm(claim, send_id, str(send_id))
    assert len([answer for answer in answers if isinstance(answer, Granted)]) == 12
    assert len(answers) == 24


def test_a_grant_waits_for_the_one_that_is_being_decided(
    desk_of_a_thread: Callable[[], Desk],
) -> None:
    desk, other = desk_of_a_thread(), desk_of_a_thread()
    desk.open_lane(messages_per_minute=10, min_gap_ms=3000)
    desk.send(due_at="2020-01-01")
    second = desk.send()
    claim = desk.claim()
    first_due = desk.next_due(claim)
    answers: list[object] = []
    with desk.worker.transaction() as connection:
        assert first_due is not None
        granted = grants.grant(connection, claim, first_due, baseline=None, deadlines=LONG)
        assert isinstance(granted, Granted)
        second_due = replace(first_due, id=second)
        asking = threading.Thread(target=lambda: answers.append(other.grant(claim, second_due)))
        asking.start()
        # Long enough to be granted on what the lane said before.
        asking.join(0.3)
        assert answers == []
    asking.join()
    assert answers == [
        Refused("no_slot", until=granted.granted_at + LONG.readable_after + timedelta(seconds=3))
    ]
