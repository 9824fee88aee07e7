"""The schedule, through its routes and the sweep that tells what is due."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from functions.content import handler as door
from functions.content.gateway import addresses
from functions.content.sweep import handler as sweeper
from huntaze.db import SingleConnection
from huntaze.ids import new_id
from huntaze.settings import load

PATH = "/api/content"
SOON = (datetime.now(UTC) + timedelta(days=30)).replace(hour=9, minute=30, second=0, microsecond=0)


@pytest.fixture
def wired(as_role, monkeypatch):
    """Both doors on the database."""
    source = SingleConnection(lambda: as_role("app"))
    for module in (door, sweeper):
        monkeypatch.setattr(module, "database", lambda: source)
    monkeypatch.setenv("MEDIA_BUCKET", "x")
    load.cache_clear()
    addresses.cache_clear()
    yield
    load.cache_clear()
    addresses.cache_clear()


@pytest.fixture
def call(wired, tenant_factory, api_event, principal, lambda_context):  # noqa: ARG001
    """Call a route as the owner of a workspace; answers status and body."""
    ids = tenant_factory()

    def make(method, path, body=None, ids=ids, **more):
        who = principal(ids.workspace_id, user_id=ids.user_id)
        event = api_event(method, PATH + path, principal=who, body=body, **more)
        reply = door.handler(event, lambda_context)
        return reply["statusCode"], json.loads(reply["body"] or "null")

    make.ids = ids
    return make


@pytest.fixture
def item(call):
    """A text to schedule."""
    return call("POST", "", {"kind": "text", "title": "Greeting", "body": "Hi"})[1]


@pytest.fixture
def put(call, item):
    """Put the text into the calendar; answers status and entry."""

    def make(**more):
        local_at = SOON.replace(tzinfo=None).isoformat()
        body = {"media_id": item["id"], "local_at": local_at, "time_zone": "Europe/Paris"}
        return call("POST", "/schedule", body | more)

    return make


@pytest.fixture
def sweep(call):
    """Sweep this workspace alone; answers how what was due ended."""

    def make():
        mine = [one for one in sweeper.find_due() if one.workspace_id == call.ids.workspace_id]
        return [sweeper.work_at(one) for one in mine]

    return make


def test_keeps_shows_and_removes_an_entry(call, put, item):
    status, entry = put(note="with the new set")
    assert (status, entry["status"], entry["title"]) == (201, "scheduled", "Greeting")
    assert entry["local_at"] == SOON.replace(tzinfo=None).isoformat()
    assert datetime.fromisoformat(entry["at"]) < SOON
    query = {"first": SOON.date().isoformat(), "days": "2", "time_zone": "Europe/Paris"}
    status, calendar = call("GET", "/schedule", query=query)
    assert (status, calendar["items"]) == (200, [entry])
    assert [day["items"] for day in calendar["days"]] == [[entry], []]
    again = put()
    assert (again[0], again[1]["error"]) == (409, "EntryExists")
    held = call("DELETE", f"/{item['id']}")
    assert (held[0], held[1]["error"]) == (409, "MediaInUse")
    assert call("DELETE", f"/schedule/{entry['id']}") == (204, None)
    assert call("DELETE", f"/schedule/{entry['id']}")[0] == 404
    assert call("DELETE", f"/{item['id']}")[0] == 204


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"local_at": "2020-01-01T00:00"}, 409, "EntryTimePassed"),
        ({"local_at": "2199-01-01T00:00"}, 422, "InvalidInput"),
        ({"local_at": "2026-01-01T00:00Z"}, 422, "InvalidInput"),
        ({"time_zone": "Mars/Olympus"}, 422, "InvalidInput"),
        ({"note": ""}, 422, "InvalidInput"),
        ({"media_id": str(new_id())}, 404, "NotFound"),
    ],
)
def test_refuses_what_cannot_be_scheduled(put, more, status, error):
    answer = put(**more)
    assert (answer[0], answer[1]["error"]) == (status, error)


@pytest.mark.parametrize("query", [{"days": "94"}, {"days": "0"}, {"time_zone": "X"}])
def test_refuses_calendars_of_no_use(call, query):
    assert call("GET", "/schedule", query=query)[0] == 422


def test_what_is_due_is_told_once(call, put, sweep, tenant):
    entry = put()[1]
    assert sweep() == []
    with tenant(call.ids.workspace_id).transaction() as connection:
        connection.execute(
            "UPDATE content_schedule SET at = clock_timestamp() - interval '1 minute'"
            " WHERE id = %s",
            (entry["id"],),
        )
    assert sweep() == ["due"]
    assert sweep() == []
    again = sweeper.Due("schedule", call.ids.workspace_id, call.ids.creator_id, UUID(entry["id"]))
    assert sweeper.work_at(again) == "not due"
    with tenant(call.ids.workspace_id).transaction() as connection:
        told = connection.execute(
            "SELECT payload FROM events_outbox WHERE event_type = 'content.due'"
        ).fetchall()
    assert [one["media_id"] for (one,) in told] == [entry["media_id"]]
    gone = call("DELETE", f"/schedule/{entry['id']}")
    assert (gone[0], gone[1]["error"]) == (409, "EntryDue")


def test_what_fails_holds_up_nothing_else(call, put, tenant, lambda_context, monkeypatch):
    entry = put()[1]
    with tenant(call.ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE content_schedule SET at = now() WHERE id = %s", (entry["id"],))
    of_mine = ("schedule", call.ids.workspace_id, call.ids.creator_id)
    due = [sweeper.Due(*of_mine, new_id()), sweeper.Due(*of_mine, UUID(entry["id"]))]
    work_at = sweeper.work_at

    def fail_first(one):
        if one is due[0]:
            raise OSError
        return work_at(one)

    monkeypatch.setattr(sweeper, "find_due", lambda: due)
    monkeypatch.setattr(sweeper, "work_at", fail_first)
    with pytest.raises(sweeper.ContentHeldError):
        sweeper.handler({}, lambda_context)
    with tenant(call.ids.workspace_id).transaction() as connection:
        found = connection.execute("SELECT status FROM content_schedule").fetchall()
    assert found == [("due",)]
    monkeypatch.setattr(sweeper, "find_due", lambda: due[1:])
    assert sweeper.handler({}, lambda_context) == {"due": 1}
