"""Sessions listed and ended, and routes that need somebody."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from functions.auth import handler as auth
from functions.auth import service
from functions.auth.link_repository import PostgresLinks
from functions.authorizer import handler as authorizer
from huntaze import http
from huntaze.auth import principal_from
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


def test_a_repeated_request_to_end_a_session_is_answered_as_the_first(
    register, log_in, call, admit, as_role, monkeypatch
):
    source = SingleConnection(lambda: as_role("identity"))
    monkeypatch.setattr(http, "database", lambda: source)
    monkeypatch.setitem(
        auth.app.dependency_overrides, auth.stored_accounts, lambda: PostgresLinks(source)
    )
    first = register().body
    other = admit(log_in(first["user"]["email"]).body["access_token"])["session_id"]
    context = admit(first["access_token"])
    key = {"Idempotency-Key": "again"}
    answers = [
        call("DELETE", f"/sessions/{other}", principal=context, headers=key) for _ in range(2)
    ]
    assert [one.status for one in answers] == [204, 204]
    assert answers[1].headers["Idempotency-Replayed"] == ["true"]
    without = call("DELETE", f"/sessions/{other}", principal=context)
    assert without.status == 404
    # Replies that hold cookies are kept nowhere.
    for _ in range(2):
        left = call("POST", "/logout", principal=context, headers=key)
        assert (left.status, "Idempotency-Replayed" in left.headers) == (204, False)


def test_who_goes_from_workspace_to_workspace_logs_in_again_after_ninety_days(
    register, call, admit, refresh, clock
):
    opened = register().body
    context = admit(opened["access_token"])
    home = opened["workspace"]["id"]
    for _ in range(3):
        clock.moved += timedelta(days=29)
        moved = call("POST", f"/workspaces/{home}/switch", principal=context)
        assert moved.status == 200
        opened = moved.body
        listed = call("GET", "/sessions", principal=context).body["items"]
        context = {**context, "session_id": listed[0]["id"]}
    renewed = refresh(opened["refresh_token"])
    assert renewed.status == 200
    clock.moved += timedelta(days=4)
    assert refresh(renewed.body["refresh_token"]).status == 401


def test_a_session_that_has_just_ended_opens_no_other(register, call, admit):
    opened = register().body
    context = admit(opened["access_token"])
    assert call("POST", "/logout", principal=context).status == 204
    home = opened["workspace"]["id"]
    # The authorizer had let this one pass a moment before.
    late = call("POST", f"/workspaces/{home}/switch", principal=context)
    assert (late.status, late.body["error"]) == (401, "SessionOver")
    assert call("GET", "/sessions", principal=context).body["items"] == []


def test_who_goes_elsewhere_while_all_other_sessions_end_is_out(
    register, log_in, admit, as_role, call
):
    owner = register().body
    thief = admit(log_in(owner["user"]["email"]).body["access_token"])
    context = admit(owner["access_token"])
    accounts = [PostgresLinks(SingleConnection(lambda: as_role("identity"))) for _ in range(2)]
    now, client = datetime.now(UTC), service.Client(None, None)
    with ThreadPoolExecutor(2) as pool:
        with accounts[0].transaction():
            service.switch_workspace(
                UUID(owner["workspace"]["id"]),
                principal_from(thief),
                accounts[0],
                client=client,
                now=now,
            )
            ending = pool.submit(
                accounts[1].revoke_other_sessions,
                UUID(context["session_id"]),
                UUID(context["user_id"]),
                now,
            )
            # It waits for the one that is opened here, however slow this machine is.
            assert not wait([ending], timeout=1).done
        ending.result()
    listed = call("GET", "/sessions", principal=context).body["items"]
    assert [one["id"] for one in listed] == [context["session_id"]]
