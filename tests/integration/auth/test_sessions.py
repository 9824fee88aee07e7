"""Sessions listed and ended, and routes that need somebody."""

from uuid import UUID

import pytest

from functions.authorizer import handler as authorizer
from huntaze import http
from huntaze.db import SingleConnection


def test_logging_out_ends_the_session_at_once(register, admit, call, refresh):
    body = register().body
    answer = call("POST", "/logout", principal=admit(body["access_token"]))
    assert answer.status == 204
    assert "Max-Age=0" in answer.cookies["__Host-huntaze_session"]
    assert "Max-Age=0" in answer.cookies["__Secure-huntaze_refresh"]
    with pytest.raises(authorizer.RefusedError):
        admit(body["access_token"])
    assert refresh(body["refresh_token"]).status == 401


def test_lists_ones_own_sessions_page_by_page_and_ends_them(register, log_in, admit, call):
    first = register().body
    register()
    others = [log_in(first["user"]["email"]).body for _ in range(2)]
    context = admit(first["access_token"])
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = call("GET", "/sessions", principal=context, query=query).body
        seen += page["items"]
        cursor = page.get("next_cursor")
    assert cursor is None
    assert [s["current"] for s in seen] == [False, False, True]
    assert seen[0]["user_agent"] == "test"
    assert call("GET", f"/sessions/{seen[0]['id']}", principal=context).body == seen[0]

    assert call("DELETE", f"/sessions/{seen[0]['id']}", principal=context).status == 204
    assert call("DELETE", f"/sessions/{seen[0]['id']}", principal=context).status == 404
    with pytest.raises(authorizer.RefusedError):
        admit(others[1]["access_token"])
    assert call("DELETE", "/sessions", principal=context).status == 204
    with pytest.raises(authorizer.RefusedError):
        admit(others[0]["access_token"])
    assert admit(first["access_token"])


def test_nobody_ends_or_sees_sessions_of_another(register, admit, call):
    mine, theirs = admit(register().body["access_token"]), register().body
    their_session = admit(theirs["access_token"])["session_id"]
    assert call("GET", f"/sessions/{their_session}", principal=mine).status == 404
    assert call("DELETE", f"/sessions/{their_session}", principal=mine).status == 404
    assert call("DELETE", "/sessions", principal=mine).status == 204
    assert admit(theirs["access_token"])
    listed = call("GET", "/sessions", principal=mine).body["items"]
    assert [UUID(s["id"]) for s in listed] == [UUID(mine["session_id"])]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/me"),
        ("POST", "/logout"),
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("GET", f"/sessions/{UUID(int=1)}"),
        ("DELETE", f"/sessions/{UUID(int=1)}"),
    ],
)
def test_private_routes_need_somebody(call, method, path):
    answer = call(method, path)
    assert (answer.status, answer.body["error"]) == (401, "Unauthorized")


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}])
def test_refuses_a_bad_page_size(call, principal, query):
    assert call("GET", "/sessions", principal=principal(), query=query).status == 422


@pytest.mark.parametrize("cursor", ["x", "WyJ4Il0", "e30"])
def test_refuses_a_cursor_of_no_list(call, principal, cursor):
    answer = call("GET", "/sessions", principal=principal(), query={"cursor": cursor})
    assert answer.status == 400


def test_a_session_id_that_is_none_is_refused(call, principal):
    assert call("DELETE", "/sessions/none", principal=principal()).status == 422


def test_a_key_for_the_request_does_no_harm(register, call, admit, as_role, monkeypatch):
    """The role of this feature keeps no replies: what has a key is done as it is without."""
    monkeypatch.setattr(http, "database", lambda: SingleConnection(lambda: as_role("identity")))
    context = admit(register().body["access_token"])
    key = {"Idempotency-Key": "again"}
    for _ in range(2):
        assert call("DELETE", "/sessions", principal=context, headers=key).status == 204
    assert call("POST", "/logout", principal=context, headers=key).status == 204
