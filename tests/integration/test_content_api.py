"""The routes of content, through the Lambda handler."""

import json

import pytest

from functions.content import handler as door
from huntaze.db import SingleConnection
from huntaze.domain import fans
from huntaze.domain.fans import FanRow
from huntaze.ids import new_id

PATH = "/api/content"
PHOTO = {"platform_media_id": "m1", "kind": "photo", "title": "Beach"}


@pytest.fixture
def call(monkeypatch, as_role, api_event, principal, lambda_context):
    """Call a route as a member of a workspace; answers (status, body)."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(method, path, ids=None, *, role="owner", creators=None, **event):
        who = ids and principal(ids.workspace_id, user_id=ids.user_id, role=role, creators=creators)
        answer = door.handler(api_event(method, path, principal=who, **event), lambda_context)
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    return make


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def photo(call, ids):
    return call("POST", PATH, ids, body=PHOTO)[1]


ROUTES = [("GET", "", None), ("POST", "", PHOTO), ("GET", "/{id}", None), ("DELETE", "/{id}", None)]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_refuses_strangers_before_anything_else(call, method, path, body):
    for sent in (body, "not json"):
        assert call(method, PATH + path, body=sent)[0] == 401


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_who_does_not_plan_campaigns_only_reads(call, ids, photo, method, path, body):
    path = PATH + path.replace("{id}", photo["id"])
    assert call(method, path, ids, role="chatter", body=body)[0] == (
        200 if method == "GET" else 403
    )


@pytest.mark.parametrize(("method", "path", "body"), [r for r in ROUTES if "{" in r[1]])
def test_hides_content_of_others(call, ids, photo, tenant_factory, method, path, body):
    path = PATH + path.replace("{id}", photo["id"])
    assert call(method, path, tenant_factory(), body=body)[0] == 404
    assert call(method, path, ids, role="manager", creators=[new_id()], body=body)[0] == 404
    assert call("GET", path, ids) == (200, photo)


def test_stores_lists_and_deletes(call, ids, photo):
    assert call("POST", PATH, ids, body=PHOTO)[1]["error"] == "MediaExists"
    for n in (2, 3):
        call("POST", PATH, ids, body={"platform_media_id": f"m{n}", "kind": "video", "title": "V"})
    first = call("GET", PATH, ids, query={"limit": "2"})[1]
    rest = call("GET", PATH, ids, query={"limit": "2", "cursor": first["next_cursor"]})[1]
    listed = [item["platform_media_id"] for item in first["items"] + rest["items"]]
    assert (listed, rest["next_cursor"]) == (["m3", "m2", "m1"], None)
    assert call("GET", PATH, ids, query={"kind": "photo"})[1]["items"] == [photo]
    assert call("GET", PATH, ids, query={"cursor": "x"})[0] == 400
    assert call("DELETE", f"{PATH}/{photo['id']}", ids) == (204, None)
    assert call("GET", f"{PATH}/{photo['id']}", ids)[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**PHOTO, "kind": "text"},
        {**PHOTO, "title": " "},
        {**PHOTO, "platform_media_id": "x" * 201},
        {**PHOTO, "url": "https://example.com"},
        {**PHOTO, "creator_id": "me"},
    ],
)
def test_refuses_bad_content(call, ids, body):
    status, answer = call("POST", PATH, ids, body=body)
    assert (status, answer["error"]) == (422, "InvalidInput")


def test_content_that_was_offered_stays(call, ids, photo, tenant):
    with tenant(ids.workspace_id).transaction() as connection:
        fans.upsert(connection, ids.creator_id, [FanRow(1, "1", "anna")])
        connection.execute(
            "INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id, state)"
            " SELECT workspace_id, creator_id, id, %s, 'offered' FROM fans",
            (photo["id"],),
        )
    status, answer = call("DELETE", f"{PATH}/{photo['id']}", ids)
    assert (status, answer["error"]) == (409, "MediaInUse")


def test_content_of_an_open_campaign_stays(call, ids, photo, tenant):
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO campaigns (workspace_id, creator_id, name, media_ids, variants,"
            " created_by) VALUES (%s, %s, 'C', %s, '[]', %s)",
            (ids.workspace_id, ids.creator_id, [photo["id"]], ids.user_id),
        )
    assert call("DELETE", f"{PATH}/{photo['id']}", ids)[0] == 409
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE campaigns SET status = 'cancelled'")
    assert call("DELETE", f"{PATH}/{photo['id']}", ids)[0] == 204
