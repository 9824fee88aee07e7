"""The routes of fans, lists, suppressions and transactions, through the Lambda handler."""

import json

import pytest

from functions.fans import handler as door
from huntaze.db import SingleConnection
from huntaze.ids import new_id


@pytest.fixture
def call(monkeypatch, as_role, api_event, principal, lambda_context):
    """Call a route as a member of a workspace; answers (status, body)."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(method, path, *, ids=None, role="owner", creators=None, anonymous=False, **event):
        who = None
        if not anonymous:
            who = principal(
                ids.workspace_id if ids else None,
                user_id=ids.user_id if ids else None,
                role=role,
                creators=creators,
            )
        answer = door.handler(api_event(method, path, principal=who, **event), lambda_context)
        kind = (answer.get("multiValueHeaders") or {}).get("Content-Type", [""])[0]
        body = answer["body"]
        parsed = json.loads(body) if body and "csv" not in kind else body
        return answer["statusCode"], parsed

    return make


def test_creates_reads_changes_and_erases_a_fan(call, tenant_factory):
    ids = tenant_factory()
    status, fan = call(
        "POST",
        "/api/crm/fans",
        ids=ids,
        body={"username": "Anna", "platform_id": "u1", "tags": ["vip", "new"]},
    )
    assert status == 201, fan
    assert (fan["handle"], fan["username"], fan["tier"]) == ("Anna", "Anna", "free")
    assert (fan["tags"], fan["suppressed"], fan["currency"]) == (["new", "vip"], False, "USD")
    path = f"/api/crm/fans/{fan['id']}"
    assert call("GET", path, ids=ids) == (200, fan)
    status, changed = call("PATCH", path, ids=ids, body={"notes": "likes cats", "tags": ["vip"]})
    assert (status, changed["notes"], changed["tags"]) == (200, "likes cats", ["vip"])
    assert changed["handle"] == "Anna"
    status, body = call("DELETE", path, ids=ids)
    assert status == 204
    assert not body
    assert call("GET", path, ids=ids)[0] == 404


ROUTES = [
    ("GET", "/api/crm/fans", None),
    ("POST", "/api/crm/fans", {"handle": "a"}),
    ("GET", "/api/crm/fans/export", None),
    ("GET", "/api/crm/fans/{id}", None),
    ("PATCH", "/api/crm/fans/{id}", {"notes": "n"}),
    ("DELETE", "/api/crm/fans/{id}", None),
    ("POST", "/api/crm/fans/{id}/suppress", None),
    ("DELETE", "/api/crm/fans/{id}/suppress", None),
    ("POST", "/api/crm/fans/import", {"content": "platform_id,handle\n1,a\n"}),
    ("GET", "/api/crm/fans/imports/{import}", None),
    ("POST", "/api/crm/transactions/import", {"content": "transaction_id,platform_id,type\n"}),
    ("GET", "/api/crm/transactions", None),
    ("GET", "/api/crm/lists", None),
    ("POST", "/api/crm/lists", {"name": "l"}),
    ("GET", "/api/crm/lists/{list}", None),
    ("POST", "/api/crm/lists/{list}/fans", {"fan_ids": ["{id}"]}),
    ("DELETE", "/api/crm/lists/{list}/fans", {"fan_ids": ["{id}"]}),
    ("DELETE", "/api/crm/lists/{list}", None),
    ("GET", "/api/onlyfans/subscribers", None),
    ("POST", "/api/onlyfans/subscribers", {"handle": "a"}),
    ("GET", "/api/onlyfans/subscribers/{id}", None),
    ("PATCH", "/api/onlyfans/subscribers/{id}", {"notes": "n"}),
    ("DELETE", "/api/onlyfans/subscribers/{id}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_refuses_strangers_before_anything_else(call, method, path, body):
    for sent in (body, "not json"):
        status, answer = call(method, path, anonymous=True, body=sent)
        assert (status, answer["error"]) == (401, "Unauthorized")


@pytest.fixture
def things(call, tenant_factory):
    """Make a workspace with one of each thing that a path can name."""
    ids = tenant_factory()
    _, fan = call("POST", "/api/crm/fans", ids=ids, body={"handle": "Anna", "platform_id": "u1"})
    _, made = call("POST", "/api/crm/lists", ids=ids, body={"name": "VIP"})
    csv = "platform_id,handle\nu2,Bob\n"
    _, report = call("POST", "/api/crm/fans/import", ids=ids, body={"content": csv})
    return ids, {"{id}": fan["id"], "{list}": made["id"], "{import}": report["id"]}


def filled(value, names):
    text = json.dumps(value)
    for placeholder, real in names.items():
        text = text.replace(placeholder, real)
    return json.loads(text)


@pytest.mark.parametrize(("method", "path", "body"), [r for r in ROUTES if "{" in r[1]])
def test_hides_the_things_of_another_workspace(call, things, tenant_factory, method, path, body):
    ids, names = things
    other = tenant_factory()
    status, answer = call(method, filled(path, names), ids=other, body=filled(body, names))
    assert (status, answer["error"]) == (404, "NotFound")
    assert call("GET", f"/api/crm/fans/{names['{id}']}", ids=ids)[1]["notes"] is None


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_an_analyst_only_reads(call, things, method, path, body):
    ids, names = things
    status, _ = call(method, filled(path, names), ids=ids, role="analyst", body=filled(body, names))
    assert status == (200 if method == "GET" and "imports" not in path else 403)


@pytest.mark.parametrize("kind", ["fans", "transactions"])
def test_a_chatter_may_not_import(call, tenant_factory, kind):
    status, _ = call(
        "POST",
        f"/api/crm/{kind}/import",
        ids=tenant_factory(),
        role="chatter",
        body={"content": ""},
    )
    assert status == 403


def test_a_chatter_sees_the_creators_in_scope(call, things):
    ids, names = things
    path = f"/api/crm/fans/{names['{id}']}"
    assert call("GET", path, ids=ids, role="chatter", creators=[ids.creator_id])[0] == 200
    for creators in ([new_id()], []):
        assert call("GET", path, ids=ids, role="chatter", creators=creators)[0] == 404
        named = {"creator_id": str(ids.creator_id)}
        status, _ = call(
            "GET", "/api/crm/fans", ids=ids, role="chatter", creators=creators, query=named
        )
        assert status == 404


def test_needs_the_creator_named_where_there_are_several(call, tenant_factory, tenant):
    ids = tenant_factory()
    second = new_id()
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
            " VALUES (%s, %s, 'fan_platform', %s, 'Second')",
            (ids.workspace_id, second, str(second)),
        )
    status, answer = call("GET", "/api/crm/fans", ids=ids)
    assert (status, list(answer["fields"])) == (422, ["creator_id"])
    assert call("GET", "/api/crm/fans", ids=ids, query={"creator_id": str(second)})[0] == 200
    # One of them alone in scope needs no name.
    assert call("GET", "/api/crm/fans", ids=ids, role="chatter", creators=[second])[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"handle": ""},
        {"handle": "a", "status": "gone"},
        {"handle": "a", "price_cents": -1},
        {"handle": "a", "price_cents": 10**13},
        {"handle": "a", "time_zone": "Mars/Base"},
        {"handle": "a", "email": "nobody"},
        {"handle": "a", "surprise": 1},
        {"handle": "a", "tags": ["x" * 61]},
    ],
)
def test_refuses_a_bad_fan(call, tenant_factory, body):
    status, answer = call("POST", "/api/crm/fans", ids=tenant_factory(), body=body)
    assert (status, answer["error"]) == (422, "InvalidInput")
    assert answer["fields"]


def test_a_fan_is_unmatched_until_it_has_a_platform_id(call, tenant_factory):
    ids = tenant_factory()
    _, fan = call("POST", "/api/crm/fans", ids=ids, body={"handle": "Anna"})
    path = f"/api/crm/fans/{fan['id']}"
    assert call("POST", f"{path}/suppress", ids=ids)[1]["error"] == "UnmatchedFan"
    status, linked = call("PATCH", path, ids=ids, body={"platform_id": "u1"})
    assert (status, linked["platform_id"]) == (200, "u1")
    status, answer = call("PATCH", path, ids=ids, body={"platform_id": "u2"})
    assert (status, answer["error"]) == (409, "FanMatched")
    status, answer = call(
        "POST", "/api/crm/fans", ids=ids, body={"handle": "B", "platform_id": "u1"}
    )
    assert (status, answer["error"]) == (409, "FanExists")


def test_a_change_cannot_empty_what_must_be_there(call, things):
    ids, names = things
    status, answer = call(
        "PATCH", f"/api/crm/fans/{names['{id}']}", ids=ids, body={"handle": None, "notes": None}
    )
    assert (status, list(answer["fields"])) == (422, ["handle"])


def test_pages_through_fans_newest_first_and_by_value(call, tenant_factory, tenant):
    ids = tenant_factory()
    rows = "".join(f"u{n},Fan{n}\n" for n in range(25))
    call("POST", "/api/crm/fans/import", ids=ids, body={"content": "platform_id,handle\n" + rows})
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE fans SET value_cents = substr(platform_id, 2)::int / 2")
    for sort in ("newest", "value"):
        seen, cursor = [], None
        while True:
            query = {"limit": "7", "sort": sort} | ({"cursor": cursor} if cursor else {})
            status, page = call("GET", "/api/crm/fans", ids=ids, query=query)
            assert status == 200, page
            seen += page["items"]
            if (cursor := page["next_cursor"]) is None:
                break
        assert len({fan["id"] for fan in seen}) == len(seen) == 25
        key = "created_at" if sort == "newest" else "value_cents"
        assert [fan[key] for fan in seen] == sorted((fan[key] for fan in seen), reverse=True)


@pytest.mark.parametrize(
    "cursor", ["x", "!!!", "WyJhIiwiYiIsImMiXQ", "WyJjcmVhdGVkX2F0IiwiYiIsImMiXQ"]
)
def test_refuses_a_cursor_that_is_not_ours(call, tenant_factory, cursor):
    status, answer = call("GET", "/api/crm/fans", ids=tenant_factory(), query={"cursor": cursor})
    assert (status, answer["error"]) == (400, "BadRequest")


def test_filters_and_searches(call, tenant_factory):
    ids = tenant_factory()
    content = (
        "platform_id,handle,display_name,status,tier,tags\n"
        "1,Anna,Queen,active,gold,vip|new\n"
        "2,anton,,expired,,vip\n"
        "3,bob_%,ANNE,active,,\n"
    )
    call("POST", "/api/crm/fans/import", ids=ids, body={"content": content})
    _, made = call("POST", "/api/crm/lists", ids=ids, body={"name": "VIP"})
    _, everyone = call("GET", "/api/crm/fans", ids=ids)
    by_id = {fan["platform_id"]: fan["id"] for fan in everyone["items"]}
    call("POST", f"/api/crm/lists/{made['id']}/fans", ids=ids, body={"fan_ids": [by_id["3"]]})

    def found(**query):
        status, page = call("GET", "/api/crm/fans", ids=ids, query=query)
        assert status == 200, page
        return {fan["platform_id"] for fan in page["items"]}

    assert found(status="active") == {"1", "3"}
    assert found(tier="gold") == {"1"}
    assert found(tag="vip") == {"1", "2"}
    assert found(tag="vip", status="expired") == {"2"}
    assert found(list=made["id"]) == {"3"}
    assert found(search="an") == {"1", "2", "3"}
    assert found(search="ANNA") == {"1"}
    assert found(search="ANNO") == {"1", "3"}
    assert found(search="bob_%") == {"3"}
    assert found(search="%") == set()
    assert found(search="' OR true --") == set()


def test_lists_hold_fans_of_their_creator(call, things):
    ids, names = things
    path = f"/api/crm/lists/{names['{list}']}"
    members = {"fan_ids": [names["{id}"]]}
    assert call("POST", f"{path}/fans", ids=ids, body=members)[1]["fans"] == 1
    assert call("POST", f"{path}/fans", ids=ids, body=members)[1]["fans"] == 1
    stranger = {"fan_ids": [str(new_id())]}
    assert call("POST", f"{path}/fans", ids=ids, body=stranger)[0] == 404
    assert (
        call("POST", "/api/crm/lists", ids=ids, body={"name": "VIP"})[1]["error"] == "FanListExists"
    )
    assert call("GET", "/api/crm/lists", ids=ids)[1]["items"][0]["fans"] == 1
    assert call("DELETE", f"{path}/fans", ids=ids, body=members)[1]["fans"] == 0
    assert call("DELETE", path, ids=ids)[0] == 204
    assert call("GET", path, ids=ids)[0] == 404


def test_a_suppression_outlives_imports_and_is_lifted_by_a_person(call, tenant_factory, tenant):
    ids = tenant_factory()
    content = {"content": "platform_id,handle,consent\nu1,Anna,true\n"}
    call("POST", "/api/crm/fans/import", ids=ids, body=content)
    fan = call("GET", "/api/crm/fans", ids=ids)[1]["items"][0]
    path = f"/api/crm/fans/{fan['id']}"
    assert call("POST", f"{path}/suppress", ids=ids)[1]["suppressed"] is True
    call("POST", "/api/crm/fans/import", ids=ids, body=content)
    assert call("GET", path, ids=ids)[1]["suppressed"] is True
    # What the platform said of a block is lifted with it.
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE fans SET blocked_at = clock_timestamp()")
    assert call("DELETE", f"{path}/suppress", ids=ids)[0] == 204
    allowed = call("GET", path, ids=ids)[1]
    assert (allowed["suppressed"], allowed["blocked_at"]) == (False, None)


def test_erasing_forgets_the_person_and_keeps_the_money(call, tenant_factory, tenant):
    ids = tenant_factory()
    content = {
        "content": "platform_id,handle,display_name,email,notes,tags,mood\n"
        "u1,Anna,Anna B.,a@example.com,secret,vip,happy\n"
    }
    call("POST", "/api/crm/fans/import", ids=ids, body=content)
    payment = "transaction_id,platform_id,type,amount_cents\nt1,u1,tip,500\n"
    call("POST", "/api/crm/transactions/import", ids=ids, body={"content": payment})
    fan = call("GET", "/api/crm/fans", ids=ids)[1]["items"][0]
    assert (fan["value_cents"], fan["extra"]) == (500, {"mood": "happy"})
    path = f"/api/crm/fans/{fan['id']}"
    call("POST", f"{path}/suppress", ids=ids)
    assert call("DELETE", path, ids=ids)[0] == 204

    with tenant(ids.workspace_id).transaction() as connection:
        row = connection.execute("SELECT to_jsonb(f) FROM fans f").fetchone()[0]
        reason = connection.execute("SELECT reason FROM suppressions").fetchone()[0]
        tags = connection.execute("SELECT count(*) FROM fan_tags").fetchone()[0]
    for secret in ("Anna", "example.com", "secret", "happy", "u1"):
        assert secret not in json.dumps(row)
    assert (row["value_cents"], reason, tags) == (500, "erasure", 0)

    # Neither an import nor a hand brings the person back; money still finds the row.
    _, report = call("POST", "/api/crm/fans/import", ids=ids, body=content)
    assert (report["rows_rejected"], report["rows_created"]) == (1, 0)
    assert report["rejected"][0]["line"] == 2
    again = {"handle": "Anna", "platform_id": "u1"}
    assert call("POST", "/api/crm/fans", ids=ids, body=again)[1]["error"] == "FanErased"
    refund = "transaction_id,platform_id,type,reverses\nr1,u1,refund,t1\n"
    call("POST", "/api/crm/transactions/import", ids=ids, body={"content": refund})
    with tenant(ids.workspace_id).transaction() as connection:
        rows = connection.execute("SELECT value_cents FROM fans").fetchall()
    assert rows == [(0,)]
    assert call("GET", "/api/crm/fans", ids=ids)[1]["items"] == []
