"""Quick replies: kept, filled for a fan, and put into replies."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.talk import Talk

QUICK = "/api/crm/quick-replies"


@pytest.fixture
def make(call: Callable[..., Answer]) -> Callable[..., dict[str, Any]]:
    def add(name: str, text: str = "Hi {display_name|you}!", **more: Any) -> dict[str, Any]:
        answer = call("POST", QUICK, {"name": name, "text": text, **more})
        assert answer.status == 201, answer.body
        found: dict[str, Any] = answer.body
        return found

    return add


def test_are_listed_by_name_for_a_creator_and_for_all(
    call: Callable[..., Answer], make: Callable[..., dict[str, Any]], desk: Desk
) -> None:
    own = make("morning", creator_id=str(desk.creator_id))
    everyones = make("evening")
    for query in ({}, {"creator_id": str(desk.creator_id)}):
        first = call("GET", QUICK, query={**query, "limit": "1"}, role="analyst").body
        rest = {**query, "limit": "1", "cursor": first["next_cursor"]}
        second = call("GET", QUICK, query=rest).body
        assert [*first["items"], *second["items"]] == [everyones, own]
        assert second["next_cursor"] is None
    assert call("POST", QUICK, {"name": "evening", "text": "x"}).status == 409
    path = f"{QUICK}/{own['id']}"
    assert call("PUT", path, {"name": "evening", "text": "x"}).status == 409
    changed = call("PUT", path, {"name": "noon", "text": "x"})
    assert (changed.body["name"], changed.body["creator_id"]) == ("noon", None)
    assert call("GET", path).body == changed.body
    assert call("DELETE", path).status == 204
    assert call("GET", path).status == 404


def test_are_filled_for_the_fan_and_sent_as_filled(
    call: Callable[..., Answer],
    make: Callable[..., dict[str, Any]],
    talk: Callable[..., Talk],
    desk: Desk,
) -> None:
    quick = make("hi")
    named, unfit = talk(display_name="Ada"), talk(display_name="t.me/x {handle}")
    text = f"{QUICK}/{quick['id']}/text"
    assert call("GET", text, query={"fan_id": str(named.fan_id)}).body == {"text": "Hi Ada!"}
    # What a fan calls themselves never becomes part of the text if it could be anything else.
    assert call("GET", text, query={"fan_id": str(unfit.fan_id)}).body == {"text": "Hi you!"}
    assert call("GET", text, role="analyst").body == {"text": "Hi you!"}
    assert call("GET", text, query={"fan_id": str(new_id())}).status == 404
    named.theirs(5)
    answer = call("POST", f"{named.path}/messages", {"quick_reply_id": quick["id"]})
    assert (answer.status, answer.body["send"]["text"]) == (202, "Hi Ada!")
    assert desk.row(UUID(answer.body["send"]["id"]))["written_by"] == "person"
    unknown = {"quick_reply_id": str(new_id())}
    assert call("POST", f"{named.path}/messages", unknown).status == 404


@pytest.mark.parametrize(
    "text",
    ["", " ", "{price|x}", "Hi {display_name}", "Hi {display_name|}", "a } b", "x" * 3001],
)
def test_refuses_texts_that_cannot_be_filled(call: Callable[..., Answer], text: str) -> None:
    assert call("POST", QUICK, {"name": "n", "text": text}).status == 422


def test_a_text_that_is_too_long_for_the_fan_is_not_sent(
    call: Callable[..., Answer],
    make: Callable[..., dict[str, Any]],
    talk: Callable[..., Talk],
) -> None:
    short, long = talk(display_name="A"), talk(display_name="A" * 40)
    # The placeholder is twenty characters itself.
    quick = make("n", "{display_name|there}" + "x" * 2980)
    for one, status in ((short, 202), (long, 422)):
        one.theirs(5)
        body = {"quick_reply_id": quick["id"]}
        assert call("POST", f"{one.path}/messages", body).status == status


def test_who_sees_some_creators_changes_nothing_of_all(
    call: Callable[..., Answer], make: Callable[..., dict[str, Any]], desk: Desk
) -> None:
    everyones = make("all")
    path, scope = f"{QUICK}/{everyones['id']}", [desk.creator_id]
    draft = {"name": "mine", "text": "x"}
    assert call("GET", path, role="chatter", creators=scope).status == 200
    assert call("POST", QUICK, draft, role="chatter", creators=scope).status == 403
    own = {**draft, "creator_id": str(desk.creator_id)}
    assert call("PUT", path, own, role="chatter", creators=scope).status == 403
    assert call("DELETE", path, role="chatter", creators=scope).status == 403
    made = call("POST", QUICK, own, role="chatter", creators=scope)
    assert made.status == 201
    mine = f"{QUICK}/{made.body['id']}"
    # What is one creator's does not become everybody's by their hand.
    assert call("PUT", mine, draft, role="chatter", creators=scope).status == 403
    assert call("GET", mine, role="chatter", creators=[new_id()]).status == 404
    assert call("POST", QUICK, draft, role="analyst").status == 403
