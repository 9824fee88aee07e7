"""Imports and exports through the Lambda handler: what they keep, report and repeat."""

import base64
import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.fans import handler as door
from huntaze.db import SingleConnection
from huntaze.domain import fans
from huntaze.domain.fans import FanRow


@pytest.fixture
def call(monkeypatch, as_role, api_event, principal, lambda_context):
    """Call a route as the owner of a workspace; answers the whole reply."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(method, path, ids, *, is_base64=False, **event):
        who = principal(ids.workspace_id, user_id=ids.user_id)
        request = api_event(method, path, principal=who, **event)
        return door.handler({**request, "isBase64Encoded": is_base64}, lambda_context)

    return make


@pytest.fixture
def import_text(call, tenant_factory):
    """Import texts for one workspace; answers the report."""
    ids = tenant_factory()

    def run(content, kind="fans", **more):
        reply = call("POST", f"/api/crm/{kind}/import", ids, body={"content": content, **more})
        assert reply["statusCode"] == 201, reply["body"]
        return json.loads(reply["body"])

    run.ids = ids
    return run


def counts(report):
    names = ("read", "created", "updated", "unchanged", "rejected")
    return tuple(report[f"rows_{name}"] for name in names)


@pytest.fixture
def stored(call, import_text):
    """The fans of the workspace by platform id."""

    def read():
        reply = call("GET", "/api/crm/fans", import_text.ids)
        return {fan["platform_id"]: fan for fan in json.loads(reply["body"])["items"]}

    return read


FULL = (
    "platform_id,handle,display_name,email,status,price_cents,rebill_on,subscribed_at,renewed_at,"
    "expires_at,last_seen_at,time_zone,language,tags,notes,consent,mood\r\n"
    "1,anna,Anna,a@example.com,active,999,true,2026-01-01,2026-01-02,2026-02-01,2026-01-03,"
    'Europe/Paris,fr,vip|new,"line one\r\nline two",true,happy\r\n'
    "2,bob,,,,,,,,,,,,,,,\r\n"
)


def test_the_same_file_twice_changes_nothing(import_text, stored):
    assert counts(import_text(FULL)) == (2, 2, 0, 0, 0)
    before = stored()
    assert before["1"]["notes"] == "line one\r\nline two"
    assert before["1"]["tags"] == ["new", "vip"]
    assert before["2"]["status"] == "follower"
    assert counts(import_text(FULL)) == (2, 0, 0, 2, 0)
    assert stored() == before


def test_a_blank_or_absent_value_keeps_what_is_there(import_text, stored):
    import_text(FULL)
    before = stored()
    blank = FULL.splitlines()[0] + "\n1,anna,,,,,,,,,,,,,,,\n"
    assert counts(import_text(blank)) == (1, 0, 0, 1, 0)
    assert counts(import_text("handle,platform_id\nanna,1\n")) == (1, 0, 0, 1, 0)
    assert stored() == before


def test_importing_again_updates_what_is_given(import_text, stored):
    import_text(FULL)
    report = import_text(
        "platform_id,handle,status,tags,mood,size\n1,Anna!,expired,old,,XL\n2,bob,,,,\n3,c,,,,\n"
    )
    assert counts(report) == (3, 1, 1, 1, 0)
    fan = stored()["1"]
    assert (fan["handle"], fan["status"], fan["tags"]) == ("Anna!", "expired", ["old"])
    assert fan["extra"] == {"mood": "happy", "size": "XL"}
    assert (fan["display_name"], fan["price_cents"], fan["consent"]) == ("Anna", 999, True)


def test_tags_alone_count_as_one_update(import_text):
    import_text(FULL)
    assert counts(import_text("platform_id,handle,tags\n1,anna,x|y\n2,bob,z\n")) == (2, 0, 2, 0, 0)
    assert counts(import_text("platform_id,handle,tags\n1,anna,y|x\n2,bob,\n")) == (2, 0, 0, 2, 0)


def test_a_fan_twice_in_a_file_is_as_if_imported_twice(import_text, stored):
    report = import_text(
        "platform_id,handle,notes,tags,a,b\n1,old,kept,x,1,1\n1,new,,y|z,,2\n1,newer,,,,\n2,b,,,,\n"
    )
    assert counts(report) == (4, 2, 0, 2, 0)
    fan = stored()["1"]
    assert (fan["handle"], fan["notes"], fan["tags"]) == ("newer", "kept", ["y", "z"])
    assert fan["extra"] == {"a": "1", "b": "2"}


def test_good_rows_are_kept_and_bad_ones_reported_by_line(import_text, stored, call):
    report = import_text('platform_id,handle,email\n1,anna,\n,x,\n2,"b\nc",\n3,d,nobody\n4,e\n')
    assert counts(report) == (5, 2, 0, 0, 3)
    assert [row["line"] for row in report["rejected"]] == [3, 6, 7]
    assert report["status"] == "completed"
    assert set(stored()) == {"1", "2"}
    reply = call("GET", f"/api/crm/fans/imports/{report['id']}", import_text.ids)
    assert json.loads(reply["body"]) == report


def test_links_a_fan_made_by_hand(import_text, stored, call):
    for _ in range(2):
        call("POST", "/api/crm/fans", import_text.ids, body={"handle": "Anna", "notes": "mine"})
    report = import_text("platform_id,handle\n1,ANNA\n2,bob\n")
    assert counts(report) == (2, 1, 1, 0, 0)
    fans_by_id = stored()
    assert fans_by_id["1"]["notes"] == "mine"
    assert set(fans_by_id) == {"1", "2", None}


@pytest.mark.parametrize(
    "kind", ["text/csv; charset=utf-8", "application/x-ndjson", "text/csv b64"]
)
def test_takes_the_file_itself_as_the_body(call, tenant_factory, kind):
    ids = tenant_factory()
    body = '{"platform_id": "1", "handle": "é"}' if "json" in kind else "platform_id;handle\n1;é\n"
    if is_base64 := kind.endswith("b64"):
        body = base64.b64encode(body.encode()).decode()
    reply = call(
        "POST",
        "/api/crm/fans/import",
        ids,
        body=body,
        is_base64=is_base64,
        headers={"Content-Type": kind.removesuffix(" b64")},
        query={"creator_id": str(ids.creator_id)},
    )
    assert reply["statusCode"] == 201, reply["body"]
    assert json.loads(reply["body"])["rows_created"] == 1


def test_a_body_in_the_code_page_of_windows_keeps_its_letters(call, tenant_factory):
    ids = tenant_factory()
    reply = call(
        "POST",
        "/api/crm/fans/import",
        ids,
        body=base64.b64encode("platform_id;handle\n1;Chloé\n".encode("cp1252")).decode(),
        is_base64=True,
        headers={"Content-Type": "text/csv; charset=windows-1252"},
        query={"creator_id": str(ids.creator_id)},
    )
    assert "Windows-1252" in json.loads(reply["body"])["note"]
    export = call("GET", "/api/crm/fans/export", ids)
    assert "Chloé" in export["body"]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"body": {"content": "x" * (4 * 1024 * 1024 + 1)}}, 413),
        ({"body": {"content": "1,anna\n"}}, 422),
        ({"body": {"content": "platform_id\n1\n"}}, 422),
        ({"body": {}}, 422),
        ({"body": {"content": "a", "content_base64": "YQ=="}}, 422),
        ({"body": {"content": "a", "format": "xlsx"}}, 422),
        ({"body": "UEsDBHh4", "headers": {"Content-Type": "text/csv"}, "is_base64": True}, 422),
        ({"body": "\x00\x01", "headers": {"Content-Type": "text/csv"}}, 422),
        ({"body": "a", "headers": {"Content-Type": "application/pdf"}}, 415),
        ({"body": "{"}, 400),
        ({"body": {"content": "a", "creator_id": "00000000-0000-7000-8000-000000000000"}}, 422),
    ],
)
def test_refuses_what_cannot_be_imported(call, tenant_factory, event, status):
    ids = tenant_factory()
    for path in ("/api/crm/fans/import", "/api/crm/transactions/import"):
        reply = call("POST", path, ids, **event)
        assert reply["statusCode"] == status, reply["body"]
        assert json.loads(reply["body"])["detail"]


def test_imports_transactions_and_creates_unknown_fans(import_text, stored, call):
    import_text("platform_id,handle\n1,anna\n")
    content = (
        "transaction_id;platform_id;type;amount;fee;net;currency;created_at;reverses\r\n"
        "t1;1;tip;10,00;2,00;8,00;USD;2026-01-01T10:00:00Z;\r\n"
        "t2;9;message;5.50;1.10;4.40;usd;2026-01-02;\r\n"
        "t3;1;refund;10;;;;2026-01-03;t1\r\n"
        "t4;1;tip;x;;;;;\r\n"
    )
    assert counts(import_text(content, "transactions")) == (4, 3, 0, 0, 1)
    assert counts(import_text(content, "transactions")) == (4, 0, 0, 3, 1)
    found = stored()
    assert (found["1"]["value_cents"], found["9"]["value_cents"]) == (0, 440)
    assert (found["9"]["handle"], found["9"]["last_purchase_at"][:10]) == ("9", "2026-01-02")
    assert found["9"]["status"] == "follower"

    def listed(**query):
        reply = call("GET", "/api/crm/transactions", import_text.ids, query=query or None)
        assert reply["statusCode"] == 200, reply["body"]
        page = json.loads(reply["body"])
        return [row["transaction_id"] for row in page["items"]], page["next_cursor"]

    assert listed() == (["t3", "t2", "t1"], None)
    assert listed(type="refund") == (["t3"], None)
    assert listed(fan_id=found["9"]["id"]) == (["t2"], None)
    first, cursor = listed(limit="2")
    assert (first, listed(limit="2", cursor=cursor)) == (["t3", "t2"], (["t1"], None))
    import_text("platform_id,handle\n9,zoe\n")
    assert (stored()["9"]["handle"], stored()["9"]["value_cents"]) == ("zoe", 440)


def test_an_export_is_safe_to_open_and_imports_again_without_a_change(import_text, call):
    import_text(FULL)
    import_text(
        "platform_id,handle,notes,display_name,tags\n"
        '-5,=1+1,@SUM(A1),+cmd|\' /C calc\'!A0,-x|=y\n6,\'quoted,"a,""b""",,\n'
    )
    reply = call("GET", "/api/crm/fans/export", import_text.ids)
    assert reply["multiValueHeaders"]["Content-Type"] == ["text/csv; charset=utf-8"]
    rows = list(csv.DictReader(io.StringIO(reply["body"])))
    assert len(rows) == 4
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
    assert counts(import_text(reply["body"])) == (4, 0, 0, 4, 0)


def test_a_long_export_goes_on_at_a_cursor(import_text, call, monkeypatch):
    monkeypatch.setattr(door, "_EXPORT_PAGE", 2)
    monkeypatch.setattr(door, "_EXPORT_CHARACTERS", 1)
    import_text("platform_id,handle\n" + "".join(f"{n},fan{n}\n" for n in range(5)))
    seen, query = [], None
    for _ in range(3):
        reply = call("GET", "/api/crm/fans/export", import_text.ids, query=query)
        seen += [row["platform_id"] for row in csv.DictReader(io.StringIO(reply["body"]))]
        query = {"cursor": reply["multiValueHeaders"].get("X-Next-Cursor", [None])[0]}
    assert (sorted(seen), query["cursor"]) == (["0", "1", "2", "3", "4"], None)


def test_two_imports_at_once_end_with_every_value(tenant_factory, tenant):
    ids = tenant_factory()
    first, second = tenant(ids.workspace_id), tenant(ids.workspace_id)
    with first.transaction() as one:
        fans.upsert(one, ids.creator_id, [FanRow(1, "1", "anna", status="active")])

    def import_second():
        with second.transaction() as two:
            fans.upsert(two, ids.creator_id, [FanRow(1, "1", "anna", notes="n")])

    with ThreadPoolExecutor(1) as pool:
        with first.transaction() as one:
            fans.upsert(one, ids.creator_id, [FanRow(1, "2", "bob", status="expired")])
            waiting = pool.submit(import_second)
        waiting.result(timeout=30)
    with first.transaction() as one:
        rows = one.execute("SELECT platform_id, status, notes FROM fans ORDER BY 1").fetchall()
    assert rows == [("1", "active", "n"), ("2", "expired", None)]
