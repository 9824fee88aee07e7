"""What a fan makes of a message afterwards is heard as if they had said it now."""

from datetime import UTC, datetime
from typing import Any

import pytest

from huntaze.domain import conversations
from huntaze.domain.conversations import SeenMessage
from tests.fakes.pushing import Pushing, event, message


def told(pushing: Pushing, *events: dict[str, Any]) -> None:
    for one in events:
        pushing.send(one)
        assert pushing.work() == []


def silenced(pushing: Pushing) -> bool:
    query = "SELECT FROM suppressions WHERE creator_id = %s AND reason = 'stop_word'"
    return bool(pushing.desk.rows(query, pushing.desk.creator_id))


def test_a_wish_that_is_edited_in_silences_and_is_told_once(pushing: Pushing) -> None:
    desk = pushing.desk
    told(pushing, message("created", "m1", 1, 1), message("created", "m2", 2, 2))
    assert not silenced(pushing)
    told(pushing, message("updated", "m1", 1, 3, text="Stop"))
    assert silenced(pushing)
    assert len(desk.events("fan.opted_out")) == 1
    (edited,) = desk.events("message.updated")
    (row,) = desk.rows("SELECT id, creator_id, fan_id FROM messages WHERE text = 'Stop'")
    ids = {"message_id": row["id"], "creator_id": row["creator_id"], "fan_id": row["fan_id"]}
    assert edited == {"direction": "in", **{name: str(one) for name, one in ids.items()}}
    told(pushing, message("updated", "m1", 1, 4, text="STOP!"))
    assert len(desk.events("fan.opted_out")) == 1


@pytest.mark.parametrize(
    "events",
    [
        [message("updated", "m1", 1, 2, text=" hello\n")],
        [message("updated", "m1", 1, 2, tip_cents=500)],
        [message("updated", "m2", 1, 2, direction="out", text="stop")],
        [event("message.deleted", 2, id="m1"), message("updated", "m1", 1, 3, text="stop")],
        [message("updated", "m1", 1, 3, text="hi"), message("updated", "m1", 1, 2, text="stop")],
    ],
    ids=["set anew", "other facts", "not the fan's", "taken back", "told late"],
)
def test_what_says_nothing_new_silences_nobody(
    pushing: Pushing, events: list[dict[str, Any]]
) -> None:
    told(pushing, message("created", "m1", 1, 1))
    told(pushing, message("created", "m2", 1, 1, direction="out") | {"id": "evt-own"})
    told(pushing, *events)
    assert not silenced(pushing)
    assert pushing.desk.events("fan.opted_out") == []
    said = [one["data"]["text"] for one in events if one["data"].get("text") == "hi"]
    assert len(pushing.desk.events("message.updated")) == len(said)


@pytest.mark.parametrize(
    ("kind", "text", "edits"),
    [
        ("created", "hello \U0001f600", 0),
        ("created", "hello, stop", 1),
        ("updated", "hello \U0001f600", 1),
    ],
)
def test_what_the_page_spells_otherwise_is_no_edit(
    pushing: Pushing, kind: str, text: str, edits: int
) -> None:
    """A page may have shown a message before the platform tells of it."""
    desk = pushing.desk
    told(pushing, message("created", "m0", 1, 1))
    (fan,) = desk.rows("SELECT platform_id FROM fans")
    page = SeenMessage("m1", own=False, text="hello", sent_at=datetime.now(UTC))
    with desk.worker.transaction() as connection:
        conversations.store(connection, desk.creator_id, fan["platform_id"], [page])
    told(pushing, message(kind, "m1", 1, 2, text=text))
    assert len(desk.events("message.updated")) == edits
    assert desk.rows("SELECT FROM messages WHERE text = %s", text) == [{}]


def test_whom_a_person_has_allowed_their_old_word_set_anew_does_not_silence(
    pushing: Pushing,
) -> None:
    told(pushing, message("created", "m1", 1, 1, text="stop"))
    pushing.desk.rows("DELETE FROM suppressions RETURNING 1")
    told(pushing, message("updated", "m1", 1, 2, text="stop "))
    assert not silenced(pushing)
