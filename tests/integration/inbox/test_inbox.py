"""The inbox, through real events on real Postgres: lists, threads, replies, what was read."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.conversations import handler as door
from functions.lanes.repository import PostgresLanes
from huntaze.db import Connection, SingleConnection
from huntaze.domain import conversations
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.talk import NOW, Talk

INBOX = "/api/crm/conversations"


def fans(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [one["fan"]["id"] for one in answer.body["items"]]


def walk(call: Callable[..., Answer], **query: str) -> list[str]:
    """All pages of a list, one item each."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = call("GET", INBOX, query={"limit": "1", **query, **cursor})
        found += fans(answer)
        if answer.body["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.body["next_cursor"]}


def test_the_newest_message_comes_first(
    call: Callable[..., Answer], talk: Callable[..., Talk]
) -> None:
    old, new, middle = talk(), talk(), talk()
    old.theirs(90, "first")
    new.theirs(10, "last " + "x" * 300)
    middle.ours(50)
    order = [str(one.fan_id) for one in (new, middle, old)]
    assert walk(call) == order
    for path in ("/api/of/inbox", "/api/of/threads"):
        assert fans(call("GET", path, role="analyst")) == order
    item = call("GET", INBOX).body["items"][0]
    assert (item["state"], item["unread"]) == ("open", 1)
    assert item["last_message"]["text"] == ("last " + "x" * 300)[:200]
    assert item["fan"]["currency"] == "USD"
    assert item["waiting_since"] == item["last_message_at"]


def test_who_is_worth_more_is_answered_before_who_waits_a_little_longer(
    call: Callable[..., Answer], talk: Callable[..., Talk]
) -> None:
    longest, poor, rich = talk(), talk(), talk(value_cents=100_000)
    longest.theirs(60 * 24 * 3)
    poor.theirs(120)
    rich.theirs(60)
    talk().ours(5)
    assert walk(call, sort="to_answer") == [str(one.fan_id) for one in (longest, rich, poor)]


def test_the_highest_value_comes_first_whatever_was_said(
    call: Callable[..., Answer], talk: Callable[..., Talk]
) -> None:
    made = [talk(value_cents=cents) for cents in (500, 90_000, 500, 0)]
    for one in made:
        one.theirs(5)
    expected = sorted(made, key=lambda one: (one is made[1], one is not made[3], one.fan_id))
    assert walk(call, sort="value") == [str(one.fan_id) for one in reversed(expected)]


def test_filters(call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk) -> None:
    waits, answered, done = talk(), talk(), talk()
    waits.theirs(30)
    answered.theirs(20)
    answered.ours(10)
    done.ours(5)
    assert call("PATCH", done.path, {"state": "done", "labels": ["vip", " a "]}).status == 200
    assert call("PATCH", waits.path, {"assigned_to": str(desk.user_id)}).status == 200

    def found(**query: str) -> set[UUID]:
        return {UUID(one) for one in fans(call("GET", INBOX, query=query))}

    assert found(state="open") == {waits.fan_id}
    assert found(state="waiting") == {answered.fan_id}
    assert found(state="done") == found(label="vip") == found(label="a") == {done.fan_id}
    assert found(label="other") == set()
    assert found(unread="true") == {waits.fan_id}
    assert found(unread="false") == {answered.fan_id, done.fan_id}
    assert found(assigned="me") == found(assigned="somebody") == {waits.fan_id}
    assert found(member_id=str(desk.user_id)) == {waits.fan_id}
    assert found(assigned="nobody") == {answered.fan_id, done.fan_id}
    assert found(assigned="me", sort="value", state="open") == {waits.fan_id}
    for query in ({"state": "x"}, {"assigned": "x"}, {"sort": "x"}, {"limit": "0"}, {"label": ""}):
        assert call("GET", INBOX, query=query).status == 422


def test_the_fans_record_is_the_one_truth_of_who_looks_after_them(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk
) -> None:
    one = talk()
    one.theirs(5)
    answer = call("PATCH", one.path, {"assigned_to": str(desk.user_id)}, role="chatter")
    assert answer.body["assigned_to"] == str(desk.user_id)
    assert desk.row(one.fan_id, "fans")["assigned_to"] == desk.user_id
    assert call("PATCH", one.path, {"assigned_to": str(new_id())}).status == 422
    assert call("PATCH", one.path, {"assigned_to": None}).body["assigned_to"] is None
    # Said again it is nothing that anybody did.
    assert call("PATCH", one.path, {"assigned_to": None}).status == 200
    told = desk.rows("SELECT action FROM audit_log WHERE action = 'fan.assigned'")
    assert len(told) == 2


def test_a_snoozed_one_comes_back(
    call: Callable[..., Answer],
    talk: Callable[..., Talk],
    desk: Desk,
    as_role: Callable[[str], Connection],
) -> None:
    early, late = talk(), talk()
    for one in (early, late):
        one.theirs(5)
        until = (NOW + timedelta(days=1)).isoformat()
        answer = call("PATCH", one.path, {"state": "snoozed", "snoozed_until": until})
        assert (answer.body["state"], answer.body["snoozed_until"]) == (
            "snoozed",
            until.replace("+00:00", "Z"),
        )
    with desk.app.transaction() as connection:
        connection.execute(
            "UPDATE conversations SET snoozed_until = now() - interval '1 hour' WHERE fan_id = %s",
            (early.fan_id,),
        )
    assert PostgresLanes(SingleConnection(lambda: as_role("relay"))).wake_conversations() >= 1
    assert call("GET", early.path).body["state"] == "open"
    assert call("GET", late.path).body["state"] == "snoozed"
    # The fan does not wait for the clock.
    late.theirs(1)
    assert call("GET", late.path).body["state"] == "open"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "snoozed"},
        {"state": "snoozed", "snoozed_until": "2020-01-01T00:00:00Z"},
        {"state": "snoozed", "snoozed_until": "2999-01-01T00:00:00Z"},
        {"state": "done", "snoozed_until": "2027-01-01T00:00:00Z"},
        {"snoozed_until": "2027-01-01T00:00:00Z"},
        {"labels": ["x" * 61]},
        {"labels": ["x"] * 21},
        {"unread": 0},
    ],
)
def test_refuses_changes_that_mean_nothing(
    call: Callable[..., Answer], talk: Callable[..., Talk], changes: dict[str, Any]
) -> None:
    one = talk()
    one.theirs(5)
    assert call("PATCH", one.path, changes).status == 422


def test_a_hidden_one_is_in_no_list_until_the_fan_writes(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk
) -> None:
    one = talk()
    one.theirs(30)
    path = one.path
    assert call("DELETE", path).status == 204
    for sort in ("newest", "to_answer", "value"):
        assert fans(call("GET", INBOX, query={"sort": sort})) == []
    assert call("GET", path).body["hidden_at"] is not None
    # Nothing was deleted.
    assert len(call("GET", f"{path}/messages").body["items"]) == 1
    one.theirs(1)
    assert fans(call("GET", INBOX)) == [str(one.fan_id)]
    assert call("GET", path).body["hidden_at"] is None
    call("DELETE", path)
    assert call("POST", INBOX, {"fan_id": str(one.fan_id)}).body["state"] == "open"
    assert fans(call("GET", INBOX)) == [str(one.fan_id)]
    assert len(desk.rows("SELECT FROM audit_log WHERE action = 'conversation.hidden'")) == 2


def test_opens_a_conversation_with_a_fan_who_has_none(
    call: Callable[..., Answer], talk: Callable[..., Talk]
) -> None:
    older, silent = talk(), talk()
    older.theirs(60)
    body = {"fan_id": str(silent.fan_id)}
    opened = call("POST", INBOX, body, role="chatter")
    assert (opened.status, opened.body["state"]) == (201, "open")
    assert opened.body["last_message"] is None
    assert call("POST", INBOX, body).body["id"] == opened.body["id"]
    assert walk(call) == [str(silent.fan_id), str(older.fan_id)]
    assert call("POST", INBOX, {"fan_id": str(new_id())}).status == 404


def test_a_thread_comes_newest_first_page_by_page(
    call: Callable[..., Answer], talk: Callable[..., Talk]
) -> None:
    one = talk()
    for minutes in (50, 40, 40, 30, 20):
        one.theirs(minutes, f"at {minutes}")
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while not found or cursor:
        page = call("GET", f"{one.path}/messages", query={"limit": "2", **cursor}).body
        found += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
    texts = ["at 20", "at 30", "at 40", "at 40", "at 50"]
    assert [message["text"] for message in found] == texts
    assert len({message["id"] for message in found}) == 5
    alias = f"/api/of/threads/{one.path.rpartition('/')[2]}"
    assert call("GET", alias, role="analyst").body["items"] == found


def test_a_message_tells_all_that_is_known_of_it(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk
) -> None:
    one = talk()
    medium = desk.medium()
    known = desk.row(medium, "media")["platform_media_id"]
    one.ours(9, "look", price_cents=900, paid=True, media=[known, "elsewhere"])
    one.theirs(5, "thanks", tip_cents=500)
    tip, offer = call("GET", f"{one.path}/messages").body["items"]
    assert (tip["tip_cents"], tip["author"]["kind"]) == (500, "fan")
    assert (offer["price_cents"], offer["author"]["kind"]) == (900, "creator")
    assert offer["paid_at"] is not None
    assert [(a["media_id"], a["platform_media_id"]) for a in offer["attachments"]] == [
        (str(medium), known),
        (None, "elsewhere"),
    ]


def test_a_message_that_the_fan_has_seen_says_so(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk
) -> None:
    one = talk()
    one.theirs(9, "hi")
    seen = desk.row(one.ours(8, "look"), "messages")["platform_message_id"]
    one.ours(7, "are you there?")
    for message in call("GET", f"{one.path}/messages").body["items"]:
        assert message["opened_at"] is None
    with desk.worker.transaction() as connection:
        conversations.note_opened(connection, desk.creator_id, seen)
    latest, opened, theirs = call("GET", f"{one.path}/messages").body["items"]
    assert opened["opened_at"] is not None
    assert (latest["opened_at"], theirs["opened_at"]) == (None, None)


def test_a_reply_is_seen_from_the_first_moment_and_becomes_a_message(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk, queue: Mock
) -> None:
    one = talk()
    one.theirs(5)
    medium = desk.medium()
    body = {"message": "for you", "price_cents": 700, "media_ids": [str(medium)]}
    queued = call("POST", f"{one.path}/messages", body, role="chatter")
    assert queued.status == 202
    assert queue.send_message_batch.called
    (reply,) = call("GET", f"{one.path}/messages").body["under_way"]
    assert (reply["state"], reply["text"], reply["price_cents"]) == ("planned", "for you", 700)
    assert reply["author"]["member_id"] == str(desk.user_id)
    assert reply["attachments"][0]["media_id"] == str(medium)
    claim = desk.claim()
    desk.grant(claim)
    desk.confirm(claim, UUID(reply["send_id"]), "pm-1")
    thread = call("GET", f"{one.path}/messages").body
    assert thread["under_way"] == []
    assert thread["items"][0]["send_id"] == reply["send_id"]
    assert thread["items"][0]["author"]["kind"] == "member"
    assert thread["items"][0]["attachments"][0]["media_id"] == str(medium)
    stand = call("GET", one.path).body
    assert (stand["state"], stand["unread"], stand["waiting_since"]) == ("waiting", 0, None)


def test_nothing_that_was_not_sent_seems_lost(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk
) -> None:
    one = talk()
    one.theirs(5)
    refused = desk.send(one.fan_id, state="skipped", reason="moved_on", settled_at=NOW)
    failed = desk.send(one.fan_id, state="not_sent", settled_at=NOW)
    desk.send(one.fan_id, state="not_sent", settled_at=NOW - timedelta(days=60))
    doubtful = desk.send(one.fan_id, state="unknown", settled_at=NOW - timedelta(days=60))
    again = desk.send(one.fan_id, state="sent")
    told = json.dumps({"sent_again_as": str(again)})
    desk.send(one.fan_id, state="unknown", evidence=told)
    desk.send(one.fan_id, campaign_id=desk.campaign())
    desk.send()
    found = call("GET", f"{one.path}/messages").body["under_way"]
    assert [UUID(reply["send_id"]) for reply in found] == [doubtful, failed, refused]
    assert found[2]["reason"] == "moved_on"


def test_a_reply_names_the_message_that_it_answers(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk
) -> None:
    one, other = talk(), talk()
    asked, elsewhere = one.theirs(5), other.theirs(4)
    conversation_id = one.path.rpartition("/")[2]
    body = {"conversation_id": conversation_id, "message": "yes", "message_id": str(asked)}
    answer = call("POST", "/api/messages/reply", body)
    assert answer.status == 202
    row = desk.row(UUID(answer.body["send"]["id"]))
    said = desk.row(asked, "messages")["platform_message_id"]
    assert (row["expected_message_id"], row["priority"]) == (said, 0)
    assert call("POST", "/api/messages/reply", {**body, "message_id": str(elsewhere)}).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"message": ""}, 422),
        ({"message": "x", "quick_reply_id": str(new_id())}, 422),
        ({"message": "find me on telegram"}, 422),
        ({"message": "x", "media_ids": [str(new_id())]}, 422),
        ({"message": "x", "priority": 3}, 422),
    ],
)
def test_refuses_replies_that_must_not_be_sent(
    call: Callable[..., Answer],
    talk: Callable[..., Talk],
    desk: Desk,
    body: dict[str, Any],
    status: int,
) -> None:
    one = talk()
    one.theirs(5)
    assert call("POST", f"{one.path}/messages", body).status == status
    assert call("POST", f"{one.path}/messages", {"message": "x"}, role="analyst").status == 403
    assert desk.rows("SELECT FROM sends") == []


def test_what_was_read_is_read_up_to_there(
    call: Callable[..., Answer], talk: Callable[..., Talk]
) -> None:
    one = talk()
    _, middle, _ = (one.theirs(minutes) for minutes in (30, 20, 10))
    for _ in range(2):
        answer = call("POST", f"/api/messages/{middle}/read", role="chatter")
        assert (answer.status, answer.body["unread"], answer.body["state"]) == (200, 1, "open")
    marks = [m["read_at"] is not None for m in call("GET", f"{one.path}/messages").body["items"]]
    assert marks == [False, True, True]
    assert call("POST", f"/api/messages/{new_id()}/read").status == 404
    assert call("POST", f"/api/messages/{middle}/read", role="analyst").status == 403


def test_taking_back_is_ordered_once(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk
) -> None:
    one = talk()
    theirs = one.theirs(5)
    call("POST", f"{one.path}/messages", {"message": "oops"})
    claim = desk.claim()
    desk.grant(claim)
    (row,) = desk.rows("SELECT id FROM sends")
    desk.confirm(claim, row["id"], "pm-1")
    message_id = call("GET", f"{one.path}/messages").body["items"][0]["id"]
    path = f"/api/messages/{message_id}/unsend"
    assert call("POST", path, role="analyst").status == 403
    assert call("POST", path).body == {"message_id": message_id, "requested": True}
    assert call("POST", path).body == {"message_id": message_id, "requested": False}
    (order,) = desk.rows("SELECT kind, payload FROM creator_commands")
    assert order == {"kind": "unsend", "payload": {"send_id": str(row["id"])}}
    with desk.worker.transaction() as connection:
        conversations.mark_unsent(connection, row["id"])
    assert call("POST", path).status == 409
    assert call("GET", f"{one.path}/messages").body["items"][0]["unsent_at"] is not None
    assert call("POST", f"/api/messages/{theirs}/unsend").status == 409


def test_finds_words_whatever_their_case_and_accents(
    call: Callable[..., Answer], talk: Callable[..., Talk]
) -> None:
    one, other = talk(), talk(display_name="Zoé")
    one.theirs(30, "Déjà vu, merci pour la PHOTO")
    one.ours(20, "thanks for the photos")
    other.theirs(10, "une photo du café?")

    def found(words: str, **query: str) -> list[str]:
        answer = call("GET", "/api/messages/search", query={"q": words, **query})
        assert answer.status == 200, answer.body
        return [item["text"] for item in answer.body["items"]]

    assert len(found("photo")) == 3
    assert found("deja PHOTO") == found("dejà") == ["Déjà vu, merci pour la PHOTO"]
    assert found("photos") == ["thanks for the photos"]
    assert found("café") == found("cafe") == ["une photo du café?"]
    # Two letters are a word, not the beginning of one.
    assert found("ph") == found("") == found("?!' \\ :* & |") == found("nowhere") == []
    here = one.path.rpartition("/")[2]
    assert len(found("photo", conversation_id=here)) == 2
    page = call("GET", "/api/messages/search", query={"q": "photo", "limit": "2"}).body
    rest = {"q": "photo", "limit": "2", "cursor": page["next_cursor"]}
    last = call("GET", "/api/messages/search", query=rest).body
    assert [len(page["items"]), len(last["items"]), last["next_cursor"]] == [2, 1, None]
    assert page["items"][0]["fan_display_name"] == "Zoé"


def test_a_search_stays_within_the_workspace_and_the_creators_of_the_caller(
    call: Callable[..., Answer],
    talk: Callable[..., Talk],
    desk: Desk,
    open_desk: Callable[..., Desk],
    ask_door: Callable[..., Answer],
) -> None:
    talk().theirs(5, "secret garden")
    stranger = open_desk()
    Talk(stranger).theirs(5, "secret door")
    query = {"q": "secret", "creator_id": str(desk.creator_id)}
    path = "/api/messages/search"
    assert len(call("GET", path, query=query).body["items"]) == 1
    assert ask_door(door, stranger, "GET", path, query=query).status == 404
    mine = ask_door(door, stranger, "GET", path, query={"q": "secret"}).body["items"]
    assert [item["text"] for item in mine] == ["secret door"]
    elsewhere = call("GET", path, query=query, role="chatter", creators=[new_id()])
    assert elsewhere.status == 404
    # The function itself looks no further, whatever it is asked.
    with desk.app.transaction() as connection:
        asked = connection.execute(
            "SELECT count(*) FROM search_messages('secret', %s, NULL, NULL, NULL, 10)",
            (stranger.creator_id,),
        ).fetchone()
    assert asked == (0,)


def test_notes_are_kept_and_deleted(
    call: Callable[..., Answer], talk: Callable[..., Talk], desk: Desk
) -> None:
    one, other = talk(), talk()
    one.theirs(5)
    other.theirs(4)
    first = call("POST", f"{one.path}/notes", {"text": " likes tea "}, role="chatter")
    assert (first.status, first.body["text"]) == (201, "likes tea")
    assert first.body["author_id"] == str(desk.user_id)
    second = call("POST", f"{one.path}/notes", {"text": "two"}).body["id"]
    listed = call("GET", f"{one.path}/notes", role="analyst").body["items"]
    assert [note["id"] for note in listed] == [second, first.body["id"]]
    assert call("DELETE", f"{other.path}/notes/{second}").status == 404
    assert call("DELETE", f"{one.path}/notes/{second}").status == 204
    assert call("DELETE", f"{one.path}/notes/{second}").status == 404
    for text in ("", " ", "x" * 4001):
        assert call("POST", f"{one.path}/notes", {"text": text}).status == 422
    assert call("POST", f"{one.path}/notes", {"text": "x"}, role="analyst").status == 403
