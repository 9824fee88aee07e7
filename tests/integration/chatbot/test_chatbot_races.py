"""Two at one draft at once, and work that is killed: one decision, one message, no loss."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import psycopg
import pytest

from functions.chatbot import releasing
from functions.chatbot.drafts import PostgresDrafts
from functions.chatbot.releasing import Decision, DraftOverError
from functions.chatbot.repository import PostgresConversations
from huntaze.db import SingleConnection, Tenant
from huntaze.domain import conversations, proofs
from huntaze.domain.conversations import SeenMessage
from huntaze.ids import new_id


@pytest.fixture
def connected(scene, as_role):
    """Open the workspace on a connection of its own."""

    def connect(role: str = "app") -> Tenant:
        return Tenant(SingleConnection(lambda: as_role(role)), scene.desk.workspace_id)

    return connect


@pytest.fixture
def draft(scene):
    scene.activate()
    scene.configure()
    return scene.drafted()


def _all_at_once(*calls):
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call().state
        except DraftOverError as error:
            return error.code

    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(pool.map(run, calls))


@pytest.mark.parametrize("edit", [None, "In my own words."])
def test_of_many_who_decide_at_once_one_does(scene, draft, connected, edit):
    draft_id = UUID(draft[1]["id"])
    by = scene.desk.user_id
    stores = [PostgresDrafts(connected()) for _ in range(6)]
    outcomes = _all_at_once(
        *(lambda s=store: s.approve(draft_id, Decision(by, edit)) for store in stores[:3]),
        *(lambda s=store: s.reject(draft_id, by=by, why=None) for store in stores[3:]),
    )
    assert outcomes[:5] == ["DraftOver"] * 5
    (stored,) = scene.drafts()
    assert stored["state"] == outcomes[5]
    approved = stored["state"] != "rejected"
    assert len(scene.sends()) == approved
    actions = [row["action"] for row in scene.desk.rows("SELECT action FROM audit_log")]
    assert actions.count("reply.approved") + actions.count("reply.rejected") == 1


def test_a_message_waits_for_the_approval_that_is_under_way(scene, draft, connected):
    platform_id, stored = draft
    seen = SeenMessage(f"m-{new_id()}", own=False, text="Wait")
    with connected().transaction() as connection:
        held = releasing.hold(connection, UUID(stored["id"]))
        with connected("worker").transaction() as other:
            other.execute("SET LOCAL lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable), other.transaction():
                conversations.store(other, scene.desk.creator_id, platform_id, [seen])
        releasing.release(connection, held, Decision(scene.desk.user_id))
    # Then it is there, and what was approved for the one before is cancelled.
    scene.hear(scene.wrote(platform_id, "Wait"))
    assert [send["state"] for send in scene.sends()] == ["cancelled"]


def test_an_approval_that_is_killed_leaves_neither_message_nor_proof(
    scene, draft, connected, monkeypatch
):
    draft_id = UUID(draft[1]["id"])

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(proofs, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            PostgresDrafts(connected()).approve(draft_id, Decision(scene.desk.user_id))
    assert (scene.drafts()[0]["state"], scene.sends()) == ("pending", [])
    assert scene.ask("POST", f"/drafts/{draft_id}/approve", {}).status == 200
    assert len(scene.sends()) == 1


def test_a_function_that_is_killed_before_the_draft_is_kept_is_followed_by_another(
    scene, monkeypatch
):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Hello")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(PostgresConversations, "keep_draft", killed)
        with pytest.raises(KeyboardInterrupt):
            scene.hear(event)
    assert scene.drafts() == []
    # While somebody may still be at it, the event that comes again does nothing.
    asked = len(scene.writer.asked)
    scene.hear(event)
    assert len(scene.writer.asked) == asked
    scene.sql("UPDATE reply_tasks SET leased_until = clock_timestamp()")
    scene.sweep()
    scene.hear(event)
    assert len(scene.drafts()) == 1


def test_events_in_any_order_leave_the_draft_for_the_newest(scene):
    scene.activate()
    _, platform_id = scene.fan()
    first, second = (scene.wrote(platform_id, text) for text in ("Hello", "Are you there?"))
    for order in ((second, first), (first, second)):
        scene.hear(*order)
    (draft,) = scene.drafts()
    assert draft["based_on"] == second["detail"]["payload"]["message_id"]
    assert len(scene.writer.asked) == 3
