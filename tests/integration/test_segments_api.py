"""The routes of segments, through the Lambda handler."""

import json

import pytest

from functions.segments import handler as door
from huntaze.db import SingleConnection
from huntaze.domain import fans
from huntaze.domain.fans import FanRow, lists
from huntaze.ids import new_id

ACTIVE = {"kind": "text", "field": "status", "values": ["active"]}
PATH = "/api/marketing/segments"


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
def with_fans(tenant_factory, tenant):
    """A workspace with fifteen fans, every third of them active."""
    ids = tenant_factory()
    with tenant(ids.workspace_id).transaction() as connection:
        fans.upsert(
            connection,
            ids.creator_id,
            [
                FanRow(n, str(n), f"fan{n:02}", status="follower" if n % 3 else "active")
                for n in range(15)
            ],
        )
    return ids


@pytest.fixture
def segment(call, with_fans):
    """A stored segment of the active ones."""
    return call("POST", PATH, with_fans, body={"name": "Active", "rules": ACTIVE})[1]


ROUTES = [
    ("GET", "", None),
    ("POST", "", {"name": "A", "rules": ACTIVE}),
    ("POST", "/preview", {"rules": ACTIVE}),
    ("GET", "/{id}", None),
    ("PUT", "/{id}", {"name": "B", "rules": ACTIVE}),
    ("GET", "/{id}/fans", None),
    ("DELETE", "/{id}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_refuses_strangers_before_anything_else(call, method, path, body):
    for sent in (body, "not json"):
        assert call(method, PATH + path, body=sent)[0] == 401


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
@pytest.mark.parametrize("role", ["analyst", "chatter"])
def test_who_does_not_plan_campaigns_only_reads(call, with_fans, segment, role, method, path, body):
    path = PATH + path.replace("{id}", segment["id"])
    status, _ = call(method, path, with_fans, role=role, body=body)
    assert status == (200 if method == "GET" or path.endswith("preview") else 403)


@pytest.mark.parametrize(("method", "path", "body"), [r for r in ROUTES if "{" in r[1]])
def test_hides_segments_of_others(call, with_fans, segment, tenant_factory, method, path, body):
    path = PATH + path.replace("{id}", segment["id"])
    assert call(method, path, tenant_factory(), body=body)[0] == 404
    status, _ = call(method, path, with_fans, role="manager", creators=[new_id()], body=body)
    assert status == 404
    assert call("GET", f"{PATH}/{segment['id']}", with_fans)[1] == segment


def test_stores_replaces_lists_and_deletes(call, with_fans, segment, tenant):
    assert segment["rules"] == {**ACTIVE, "match": "any"}
    changed = {"name": "All", "rules": {"kind": "everyone"}}
    path = f"{PATH}/{segment['id']}"
    status, body = call("PUT", path, with_fans, body=changed)
    assert (status, body["name"], body["rules"]) == (200, "All", {"kind": "everyone"})
    assert call("POST", PATH, with_fans, body=changed)[1]["error"] == "SegmentExists"
    other = call("POST", PATH, with_fans, body={"name": "B", "rules": ACTIVE})[1]
    assert (
        call("PUT", f"{PATH}/{other['id']}", with_fans, body=changed)[1]["error"] == "SegmentExists"
    )
    foreign = {**changed, "creator_id": str(new_id())}
    assert call("PUT", path, with_fans, body=foreign)[0] == 422
    first = call("GET", PATH, with_fans, query={"limit": "1"})[1]
    query = {"limit": "1", "cursor": first["next_cursor"]}
    second = call("GET", PATH, with_fans, query=query)[1]
    assert [first["items"][0]["name"], second["items"][0]["name"]] == ["B", "All"]
    assert second["next_cursor"] is None
    assert call("GET", PATH, with_fans, query={"cursor": "x"})[0] == 400
    assert call("DELETE", path, with_fans) == (204, None)
    assert call("GET", path, with_fans)[0] == 404
    with tenant(with_fans.workspace_id).transaction() as connection:
        told = connection.execute(
            "SELECT action, actor_id FROM audit_log WHERE target_id = %s ORDER BY sequence",
            (segment["id"],),
        ).fetchall()
    actions = ["segment.created", "segment.changed", "segment.deleted"]
    assert told == [(one, with_fans.user_id) for one in actions]


def test_previews_the_count_and_the_newest_ten(call, with_fans):
    status, preview = call("POST", f"{PATH}/preview", with_fans, body={"rules": ACTIVE})
    assert (status, preview["count"]) == (200, 5)
    assert {fan["status"] for fan in preview["sample"]} == {"active"}
    everyone = {"rules": {"kind": "everyone"}}
    preview = call("POST", f"{PATH}/preview", with_fans, body=everyone)[1]
    assert (preview["count"], len(preview["sample"])) == (15, 10)
    nobody = {"rules": {"kind": "not", "rule": {"kind": "everyone"}}}
    assert call("POST", f"{PATH}/preview", with_fans, body=nobody)[1] == {"count": 0, "sample": []}


def test_a_segment_is_always_fresh(call, with_fans, segment, tenant):
    path = f"{PATH}/{segment['id']}/fans"
    first = call("GET", path, with_fans, query={"limit": "3"})[1]
    with tenant(with_fans.workspace_id).transaction() as connection:
        connection.execute("UPDATE fans SET status = 'active' WHERE handle = 'fan01'")
    query = {"limit": "200", "cursor": first["next_cursor"]}
    rest = call("GET", path, with_fans, query=query)[1]
    assert len(first["items"]) == 3
    assert {"fan01"} < {fan["handle"] for fan in rest["items"]}
    assert len(rest["items"]) == 3


@pytest.mark.parametrize(
    "rules",
    [
        {"kind": "sql"},
        {"kind": "text", "field": "id; --", "values": ["a"]},
        {"kind": "and", "rules": []},
        "everyone",
        None,
    ],
)
def test_refuses_rules_that_are_none(call, with_fans, rules):
    for method, path, body in (
        ("POST", PATH, {"name": "A", "rules": rules}),
        ("POST", f"{PATH}/preview", {"rules": rules}),
    ):
        status, answer = call(method, path, with_fans, body=body)
        assert (status, answer["error"]) == (422, "InvalidInput")
        assert any(field.startswith("rules") for field in answer["fields"])


@pytest.mark.parametrize("text", ["'; DROP TABLE fans; --", "%(segment_0)s", "%s", "{}"])
def test_a_malicious_text_is_only_a_text(call, with_fans, text):
    rules = {
        "kind": "or",
        "rules": [
            {"kind": "handle", "match": "contains", "value": text},
            {"kind": "tags", "match": "any", "tags": [text]},
            {"kind": "text", "field": "tier", "values": [text]},
        ],
    }
    status, made = call("POST", PATH, with_fans, body={"name": text, "rules": rules})
    assert (status, made["name"]) == (201, text)
    assert call("POST", f"{PATH}/preview", with_fans, body={"rules": rules})[1]["count"] == 0


@pytest.mark.parametrize("of_a_text", [False, True])
def test_a_segment_of_a_campaign_stays(call, with_fans, segment, tenant, of_a_text):
    text = {"label": "A", "message": "Hi", "weight": 1, "segment_id": segment["id"]}
    with tenant(with_fans.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO campaigns (workspace_id, creator_id, name, segment_id, variants,"
            " created_by) VALUES (%s, %s, 'C', %s, %s, %s)",
            (
                *(with_fans.workspace_id, with_fans.creator_id),
                *(None if of_a_text else segment["id"], json.dumps([text] if of_a_text else [])),
                with_fans.user_id,
            ),
        )
    status, answer = call("DELETE", f"{PATH}/{segment['id']}", with_fans)
    assert (status, answer["error"]) == (409, "SegmentInUse")


@pytest.fixture
def not_disturbed(with_fans, tenant):
    """A list with a fan on it, and the rules that leave its fans out, deep in a tree."""
    with tenant(with_fans.workspace_id).transaction() as connection:
        made = lists.create_list(connection, with_fans.creator_id, "do not disturb")
        (fan_id,) = connection.execute("SELECT id FROM fans LIMIT 1").fetchone()
        lists.add_to_list(connection, made.id, [fan_id])
    left_out = {"kind": "lists", "match": "none", "lists": [str(made.id)]}
    return made, {"kind": "and", "rules": [{"kind": "everyone"}, left_out]}


def test_a_list_that_rules_ask_for_stays(call, with_fans, not_disturbed, tenant):
    made, rules = not_disturbed
    segment = call("POST", PATH, with_fans, body={"name": "Awake", "rules": rules})[1]
    store = tenant(with_fans.workspace_id)
    with (
        pytest.raises(lists.FanListInUseError, match="the segment Awake"),
        store.transaction() as c,
    ):
        lists.delete_list(c, made.id)
    assert call("POST", f"{PATH}/preview", with_fans, body={"rules": rules})[1]["count"] == 14
    path = f"{PATH}/{segment['id']}"
    assert call("PUT", path, with_fans, body={"name": "Awake", "rules": ACTIVE})[0] == 200
    with store.transaction() as connection:
        lists.delete_list(connection, made.id)


def test_rules_ask_for_no_list_that_is_not_there(call, with_fans, segment, not_disturbed, tenant):
    made, rules = not_disturbed
    with tenant(with_fans.workspace_id).transaction() as connection:
        lists.delete_list(connection, made.id)
    for method, path in [("POST", PATH), ("PUT", f"{PATH}/{segment['id']}")]:
        status, answer = call(method, path, with_fans, body={"name": "n", "rules": rules})
        assert (status, answer["fields"]) == (422, {"lists": "unknown"})
        assert str(made.id) in answer["detail"]
