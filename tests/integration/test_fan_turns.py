"""Whoever writes many fans of a creator follows whoever does: no two wait for each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Barrier, BrokenBarrierError
from uuid import UUID

import psycopg
import pytest

from huntaze.db import Connection
from huntaze.domain import fans, money
from huntaze.domain.fans import ChatRow, FanRow
from huntaze.domain.money import TransactionRow
from huntaze.domain.money.recording import take_turns

AT = "2026-01-02T00:00:00+00:00"


def upsert(connection: Connection, creator_id: UUID, fan: str) -> None:
    fans.upsert(connection, creator_id, [FanRow(1, fan, fan, display_name="Anew")])


def record_chats(connection: Connection, creator_id: UUID, fan: str) -> None:
    fans.record_chats(connection, creator_id, [ChatRow(fan, last_is_own=False, last_at=AT)])


def record(connection: Connection, creator_id: UUID, fan: str) -> None:
    row = TransactionRow(1, f"of {fan}", fan, "tip", 5, 0, 5, created_at=AT)
    money.record(connection, creator_id, [row])


WRITERS = {"file": upsert, "chats": record_chats, "payments": record}


@pytest.mark.parametrize("known", [True, False], ids=["known fans", "new fans"])
@pytest.mark.parametrize(("one", "other"), list(product(WRITERS, repeat=2)))
def test_two_writers_of_the_same_fans_both_end(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    tenant: Callable[..., object],
    one: str,
    other: str,
    known: bool,
) -> None:
    workspace_id, _, creator_id = tenant_factory()
    if known:
        with tenant(workspace_id).transaction() as connection:
            fans.upsert(connection, creator_id, [FanRow(n, fan, fan) for n, fan in enumerate("ab")])
    both = Barrier(2)

    def write(writer: str, order: str) -> None:
        with tenant(workspace_id).transaction() as connection:
            for fan in order:
                WRITERS[writer](connection, creator_id, fan)
                # Each with its first fan before either takes its second; one that waits its turn
                # comes too late, and that is well.
                try:
                    both.wait(timeout=0.5)
                except BrokenBarrierError:
                    continue

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(write, one, "ab"), pool.submit(write, other, "ba")]
        for end in ends:
            end.result(timeout=30)
    with tenant(workspace_id).transaction() as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM fans").fetchall()
    assert count == 2


def record_named_chats(connection: Connection, creator_id: UUID, fan: str) -> None:
    """Fans whose handles a list of chats shows are brought up to date, too."""
    fans.record_chats(connection, creator_id, [ChatRow(fan, fan, last_is_own=False, last_at=AT)])


@pytest.mark.parametrize("write", [*WRITERS.values(), record_named_chats])
def test_no_turn_is_held_in_the_midst_of_a_copy(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    tenant: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Connection, UUID, str], None],
) -> None:
    """Whoever stands still there would keep everybody waiting, and nothing would end it."""
    workspace_id, _, creator_id = tenant_factory()
    copied: list[object] = []
    write_row = psycopg.Copy.write_row

    def write_and_look(copy: psycopg.Copy, row: object) -> None:
        write_row(copy, row)
        with tenant(workspace_id).transaction() as other:
            other.execute("SET LOCAL lock_timeout = '2s'")
            take_turns(other, creator_id)
        copied.append(row)

    monkeypatch.setattr(psycopg.Copy, "write_row", write_and_look)
    with tenant(workspace_id).transaction() as connection:
        write(connection, creator_id, "a")
    assert copied
