"""Moments of the calendar, which several pipelines and people fill."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from functions.content.pipelines.models import PipelineOrder
from functions.content.pipelines.repository import PostgresPlans
from functions.content.schedule.models import EntryDraft
from functions.content.schedule.repository import PostgresSchedule
from huntaze.domain import media
from huntaze.domain.media import MediaDraft
from huntaze.ids import new_id

AT = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def text(ids, tenant):
    """Make a text of the library."""

    def make():
        with tenant(ids.workspace_id).transaction() as connection:
            item = MediaDraft(kind="text", title="t", body="b")
            return media.add_media(connection, ids.creator_id, item).id

    return make


@pytest.fixture
def drafted(ids, tenant):
    """What stands beside the item of a new pipeline, which could be published at that moment."""

    def make():
        opened = tenant(ids.workspace_id)
        plan_id = PostgresPlans(opened).add(PipelineOrder(), ids.creator_id, by=ids.user_id)
        with opened.transaction() as connection:
            connection.execute(
                "INSERT INTO ai_plan_item (workspace_id, creator_id, plan_id, position, kind,"
                " title, body, local_at, time_zone, at)"
                " VALUES (%s, %s, %s, 0, 'text', 't', 'b', %s, 'UTC', %s)",
                (ids.workspace_id, ids.creator_id, plan_id, AT.replace(tzinfo=None), AT),
            )
        return SimpleNamespace(creator_id=ids.creator_id, plan_id=plan_id, plan_position=0)

    return make


def test_of_several_entries_of_a_moment_none_is_lost(ids, tenant, text):
    opened, items = tenant(ids.workspace_id), {text(), text()}
    for item in items:
        draft = EntryDraft(media_id=item, local_at=AT.replace(tzinfo=None), time_zone="UTC")
        PostgresSchedule(opened, ids.user_id).add(draft, AT, new_id())
    found = PostgresPlans(opened).scheduled(ids.creator_id)
    assert sorted(found) == sorted((AT, item) for item in items)


def test_a_moment_is_the_item_that_was_taken_first(ids, tenant, text, drafted):
    one, other = drafted(), drafted()
    mine, theirs = (PostgresPlans(tenant(ids.workspace_id)) for _ in range(2))
    texts = text(), text()
    with ThreadPoolExecutor(1) as pool:
        with mine.transaction():
            entry_id = mine.take(one, texts[0], note="n", by=ids.user_id)
            assert entry_id is not None
            # It waits, for the first may still come to nothing.
            second = pool.submit(theirs.take, other, texts[1], note="n", by=ids.user_id)
            wait([second], timeout=1)
        assert second.result() is None
    with mine.transaction() as connection:
        kept = connection.execute(
            "SELECT media_id, entry_id FROM ai_plan_item ORDER BY entry_id"
        ).fetchall()
    assert kept == [(texts[0], entry_id), (texts[1], None)]
