"""What others would see too early waits for the commit of the outermost transaction."""

from uuid import uuid4

import pytest

from huntaze.db import SingleConnection, Tenant, once_committed


@pytest.fixture
def mark(tenant_factory, as_role):
    """Writes a list in savepoints; answers how many others saw when they were told."""
    workspace_id, _user_id, creator_id = tenant_factory()
    source = SingleConnection(lambda: as_role("app"))
    mine, others = (
        Tenant(where, workspace_id) for where in (source, SingleConnection(lambda: as_role("app")))
    )
    seen = []

    def look():
        with others.transaction() as connection:
            (found,) = connection.execute("SELECT count(*) FROM fan_lists").fetchone()
        seen.append(found)

    def write(around=mine.transaction):
        with around(), mine.transaction() as connection:
            connection.execute(
                "INSERT INTO fan_lists (workspace_id, id, creator_id, name)"
                " VALUES (%s, %s, %s, 'A list')",
                (workspace_id, uuid4(), creator_id),
            )
            once_committed(look)
        return seen

    write.source = source
    write.mine = mine
    return write


def test_a_savepoint_is_no_commit(mark):
    assert mark() == [1]


def test_nor_is_a_part_of_a_whole_request(mark):
    assert mark(mark.source.one_transaction) == [1]


def test_what_was_rolled_back_tells_nobody(mark):
    def write_and_fail():
        with mark.mine.transaction():
            mark()
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert mark() == [1]


def test_outside_of_a_transaction_nothing_waits():
    done = []
    once_committed(lambda: done.append(1))
    assert done == [1]
