"""A fan is forgotten: canaries through every door, and then a search through every store."""

import json
from typing import Any
from uuid import UUID

import pytest

from functions.assistant.chat import handler as assistant
from functions.assistant.chat.models import AssistantStep, Saying
from functions.conversations import handler as conversations
from functions.fans import handler as fans
from functions.management import handler as management
from huntaze.ids import new_id
from tests.fakes.creator_desk import BRIEF, Desk
from tests.fakes.noted_writer import NotedWriter

FANS = "/api/crm/fans"


@pytest.fixture
def desk(cloud, open_desk) -> Desk:  # noqa: ARG001  (wired first)
    return open_desk()


@pytest.fixture
def canary() -> str:
    return f"canary{new_id().hex}"


@pytest.fixture
def known_fan(cloud, desk, ask, work, canary) -> dict[str, Any]:
    """A fan of whom every store knows something, by every door that there is."""
    person = {
        "platform_id": f"{canary}-id",
        "handle": f"{canary}-handle",
        "display_name": f"Zoé {canary}-name",
        "email": f"{canary}@example.com",
        "notes": f"likes {canary}",
        "tags": [f"{canary}-tag"],
    }
    made = ask(fans, desk, "POST", FANS, person, key="make")
    assert made.status == 201, made
    fan = made.body
    path = f"{FANS}/{fan['id']}"
    assert ask(fans, desk, "PATCH", path, {"notes": f"{canary} again"}, key="change").status == 200
    made_list = ask(fans, desk, "POST", "/api/crm/lists", {"name": f"vip {new_id()}"})
    members = {"fan_ids": [fan["id"]]}
    ask(fans, desk, "POST", f"/api/crm/lists/{made_list.body['id']}/fans", members)
    _import(cloud, desk, ask, work, person)
    _talk(desk, ask, UUID(fan["id"]), canary)
    _wonder(desk, ask, canary)
    for fan_id in (None, fan["id"]):
        asked = ask(management, desk, "POST", "/api/management/export", {"fan_id": fan_id})
        assert asked.status == 202, asked
    assert work("exports") == ["ready", "ready"]
    place = f"{desk.workspace_id}/{desk.creator_id}/picture.png"
    cloud.s3.put_object(Bucket="screenshots", Key=place, Body=canary.encode())
    return fan


def _wonder(desk, ask, canary):
    """A question to the assistant, and what it said to that."""
    said = AssistantStep(calls=[], answer=Saying(kind="no_data", text=f"Of {canary}-id?"))
    writer = NotedWriter(assistant.database(), said)
    assistant.app.dependency_overrides[assistant.models] = lambda: writer
    question = {"question": f"What did {canary}-handle spend?"}
    asked = ask(assistant, desk, "POST", "/api/ai/chat", question, key="wonder")
    assistant.app.dependency_overrides.clear()
    assert asked.status == 201, asked


def _import(cloud, desk, ask, work, person):
    """By a file in the request, by an upload that was imported, and by one that was not."""
    row = {**person, "tags": "|".join(person["tags"]), "shoe_size": f"{person['notes']} shoe"}
    content = ",".join(row) + "\n" + ",".join(row.values()) + "\n"
    body = {"content": content, "creator_id": str(desk.creator_id)}
    answer = ask(fans, desk, "POST", f"{FANS}/import", body, key=str(new_id()))
    assert answer.status == 201, answer
    for is_imported in (True, False):
        ticket = ask(fans, desk, "POST", f"{FANS}/imports/uploads", {}).body
        cloud.s3.put_object(Bucket="imports", Key=ticket["fields"]["key"], Body=content.encode())
        if is_imported:
            upload = {"upload_id": ticket["upload_id"]}
            assert ask(fans, desk, "POST", f"{FANS}/import", upload).status == 202
            assert work("imports") == ["completed"]
    _pay(desk, ask, person)


def _pay(desk, ask, person):
    paid = {
        "platform_id": person["platform_id"],
        "transaction_id": f"t-{desk.creator_id}",
        "type": "tip",
        "amount": "10.00",
        "created_at": "2026-01-01T00:00:00Z",
        "description": f"for {person['notes']}",
    }
    content = ",".join(paid) + "\n" + ",".join(paid.values()) + "\n"
    body = {"content": content, "creator_id": str(desk.creator_id)}
    answer = ask(fans, desk, "POST", "/api/crm/transactions/import", body)
    assert (answer.status, answer.body["rows_rejected"]) == (201, 0), answer


def _talk(desk: Desk, ask: Any, fan_id: UUID, canary: str) -> None:
    """A message that waits, one that arrived, one that nobody knows of, and one of a campaign."""
    text = {"fan_id": str(fan_id), "message": f"hello {canary}", "media_ids": [str(desk.medium())]}
    queued = ask(conversations, desk, "POST", "/api/of/send", text, key="send")
    assert queued.status == 202
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF, baseline=f"{canary}-before")
    desk.confirm(claim, UUID(queued.body["send"]["id"]), f"{canary}-message")
    assert ask(conversations, desk, "POST", "/api/of/send", text, key="send 2").status == 202
    unknown = desk.send(fan_id, text=canary, state="unknown", evidence=json.dumps({"seen": canary}))
    assert unknown
    desk.send(fan_id, campaign_id=desk.campaign(), text=f"Dear {canary}")


def test_nothing_is_left_anywhere(desk, ask, work, seek, known_fan, canary):
    before = seek(canary)
    assert before >= {
        *("table fans", "table fan_tags", "table transactions", "table sends"),
        *("table send_attempts", "table idempotency_keys", "table ai_chat_turns"),
        *("bucket imports", "bucket exports", "bucket screenshots"),
    }
    path = f"{FANS}/{known_fan['id']}"
    assert ask(fans, desk, "DELETE", path).status == 204
    # What the database holds is gone with the answer.
    assert {place for place in seek(canary) if place.startswith("table")} == set()
    assert work("erasures") == ["done"]
    assert seek(canary) == set()
    rows = desk.rows("SELECT state, steps FROM erasures")
    assert [(row["state"], set(row["steps"])) for row in rows] == [
        ("done", {"texts_blanked", "files_deleted"})
    ]


def test_money_stays_and_nobody_is_brought_back(cloud, desk, ask, work, seek, known_fan, canary):
    ask(fans, desk, "DELETE", f"{FANS}/{known_fan['id']}")
    work("erasures")
    person = {
        "platform_id": f"{canary}-id",
        "handle": f"{canary}-handle",
        "notes": canary,
        "tags": [canary],
    }
    _import(cloud, desk, ask, work, person)
    found = {place for place in seek(canary) if place.startswith("table")}
    # Their new replies and files are young; of the person nothing is stored.
    assert found <= {"table idempotency_keys"}
    (fan,) = desk.rows("SELECT * FROM fans WHERE id = %s", UUID(known_fan["id"]))
    assert (fan["handle"], fan["value_cents"]) == ("erased", 1000)
    (paid,) = desk.rows("SELECT * FROM transactions")
    assert (paid["net_cents"], paid["description"]) == (1000, None)
    (suppressed,) = desk.rows("SELECT * FROM suppressions")
    assert suppressed["reason"] == "erasure"
    again = ask(fans, desk, "POST", FANS, person)
    assert (again.status, again.body["error"]) == (409, "FanErased")


def test_a_repeated_request_is_told_that_its_reply_is_gone(desk, ask, known_fan, canary):
    ask(fans, desk, "DELETE", f"{FANS}/{known_fan['id']}")
    path = f"{FANS}/{known_fan['id']}"
    again = ask(fans, desk, "PATCH", path, {"notes": f"{canary} again"}, key="change")
    assert (again.status, again.body["error"]) == (409, "ReplyErased")


def test_what_is_being_submitted_is_blanked_once_it_is_settled(
    desk, ask, work, seek, later, canary
):
    fan_id = desk.fan(handle=canary)
    send_id = desk.send(fan_id, text=f"hello {canary}")
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    assert ask(fans, desk, "DELETE", f"{FANS}/{fan_id}").status == 204
    assert seek(canary) == {"table sends"}
    assert work("erasures") == ["waiting"]
    assert desk.row(send_id)["text"] == f"hello {canary}"
    desk.confirm(claim, send_id, f"{canary}-message")
    later(desk)
    assert work("erasures") == ["done"]
    assert seek(canary) == set()
