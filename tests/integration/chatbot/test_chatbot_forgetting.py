"""A fan who asks to be forgotten is, wherever the chatbot and the inbox have written of them."""

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from functions.chatbot.contexts import PostgresContexts
from functions.chatbot.models import Findings, Memory
from functions.chatbot.repository import PostgresConversations
from functions.chatbot.shapes import ContextChanges
from huntaze.db import SingleConnection, Tenant
from huntaze.domain import erasure
from huntaze.domain.conversations import desk as inbox
from huntaze.errors import NotFoundError
from huntaze.ids import new_id
from operations import proof

MARK = "Quetzalcoatl"


@pytest.fixture
def connected(scene, as_role):
    """Open the workspace on a connection of its own."""
    return lambda: Tenant(SingleConnection(lambda: as_role("app")), scene.desk.workspace_id)


@pytest.fixture
def spoken_of(scene):
    """A fan of whom everything knows something; returns who."""
    scene.activate()
    scene.configure()
    scene.writer.reading = {
        "facts": [{"name": "pet", "text": MARK, "message": 1}],
        **dict.fromkeys(("memory", "summary"), MARK),
    }
    scene.writer.drafts = [{"text": f"So {MARK} is home?", "confidence": 90}]
    condition = {"kind": "keyword", "words": ["menu"]}
    rule = {"name": "r", "condition": condition, "text": "See above, {display_name|you}!"}
    assert scene.ask("POST", "/auto-reply", rule).status == 201
    fan_id, platform_id = scene.fan(display_name=MARK)
    scene.hear(scene.wrote(platform_id, f"The menu, please, says {MARK}"))
    event = scene.wrote(platform_id, f"I am with {MARK}")
    scene.hear(event)
    path = f"/conversations/{event['detail']['aggregate_id']}/context"
    changes = {"summary": f"Speaks of {MARK}", "facts": {"friend": MARK}}
    assert scene.ask("PATCH", path, changes).status == 200
    for action, body in (("reject", {"why": f"not {MARK}"}), ("edit", {"text": f"Hi {MARK}"})):
        (draft,) = scene.drafts(state="pending")
        assert scene.ask("POST", f"/drafts/{draft['id']}/{action}", body).status == 200
        scene.hear(scene.wrote(platform_id, f"{MARK} again"))
    scene.hear(scene.wrote(platform_id, f"{MARK} wants a refund"))
    assert len(scene.hand_overs()) == 1
    with scene.desk.app.transaction() as connection:
        conversation_id = UUID(event["detail"]["aggregate_id"])
        inbox.add_note(connection, conversation_id, f"Beware of {MARK}", by=scene.desk.user_id)
        inbox.label(connection, conversation_id, [MARK])
    return fan_id


def _tables_that_say(scene, word: str) -> list[str]:
    tables = scene.sql(
        "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE a.attname = 'workspace_id' AND c.relkind = 'r'"
        " AND c.relnamespace = 'public'::regnamespace AND has_table_privilege(c.oid, 'SELECT')"
    )
    return sorted(
        table
        for (table,) in tables
        if scene.sql(f"SELECT 1 FROM {table} t WHERE t::text ILIKE %s LIMIT 1", f"%{word}%")
    )


def test_nothing_says_the_fans_words_any_more(scene, spoken_of):
    before = _tables_that_say(scene, MARK)
    assert {"messages", "reply_drafts", "chat_facts", "chat_contexts", "approval_texts"} <= set(
        before
    )
    written = scene.sql("SELECT platform_message_id FROM messages")
    with scene.desk.app.transaction() as connection:
        erasure.erase_fan(connection, scene.desk.workspace_id, spoken_of, by=scene.desk.user_id)
    assert _tables_that_say(scene, MARK) == []
    # Nor where the platform has them.
    assert [table for (name,) in written for table in _tables_that_say(scene, name)] == []
    page = scene.ask("GET", "/proof", query={"limit": "200"})
    lines = proof.read(json.dumps(page.body))
    verdict = proof.verify(lines, lines[-1].hash)
    assert verdict.holds
    assert (verdict.proven, verdict.forgotten > 0) == (0, True)


@pytest.fixture
def erase(scene, spoken_of, connected):
    """Forget the fan, on a connection of its own."""
    erasing = connected()

    def run() -> None:
        with erasing.transaction() as connection:
            erasure.erase_fan(connection, scene.desk.workspace_id, spoken_of, by=scene.desk.user_id)

    return run


@pytest.fixture
def until_it_waits(scene):
    """Wait until somebody waits for a lock, or the call is over."""

    def wait(call) -> None:
        while not call.done() and not scene.sql("SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1"):
            pass

    return wait


def test_what_a_model_has_read_meanwhile_is_forgotten_too(
    scene, spoken_of, connected, erase, until_it_waits
):
    (row,) = scene.desk.rows("SELECT id FROM conversations WHERE fan_id = %s", spoken_of)
    store = PostgresConversations(connected())
    case = store.look(row["id"])
    facts = [("late", MARK, case.message.id)]
    read = Memory("positive", "greeting", 1, "en", MARK, MARK, facts, new_id())
    with ThreadPoolExecutor(1) as pool:
        with store.transaction():
            assert store.still(case)
            order = pool.submit(erase)
            until_it_waits(order)
            store.remember(case, Findings(read))
        order.result()
    assert _tables_that_say(scene, MARK) == []


def test_what_a_person_writes_meanwhile_comes_too_late(scene, spoken_of, connected, until_it_waits):
    (row,) = scene.desk.rows("SELECT id FROM conversations WHERE fan_id = %s", spoken_of)
    contexts = PostgresContexts(connected())
    changes = ContextChanges(summary=f"{MARK}, late", facts={"late": MARK})
    with ThreadPoolExecutor(1) as pool:
        with scene.desk.app.transaction() as connection:
            erasure.erase_fan(connection, scene.desk.workspace_id, spoken_of, by=scene.desk.user_id)
            late = pool.submit(contexts.change, row["id"], changes, by=scene.desk.user_id)
            until_it_waits(late)
        with pytest.raises(NotFoundError):
            late.result()
    assert _tables_that_say(scene, MARK) == []
