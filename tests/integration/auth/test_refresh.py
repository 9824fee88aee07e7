"""Renewing a session: once for each token, and never for two parties."""

import base64
import queue
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from functions.auth import service
from functions.auth.link_repository import PostgresLinks
from functions.authorizer import handler as authorizer
from huntaze.db import SingleConnection


def test_a_refresh_token_renews_once_and_gives_the_next(register, refresh, admit):
    first = register().body
    second = refresh(first["refresh_token"])
    assert second.status == 200
    assert second.body["refresh_token"] != first["refresh_token"]
    assert second.body["user"] == first["user"]
    assert (
        admit(second.body["access_token"])["session_id"]
        == (admit(first["access_token"])["session_id"])
    )
    assert refresh(second.body["refresh_token"]).status == 200


def test_the_cookie_renews_too(register, call):
    token = register().body["refresh_token"]
    cookie = f"a=b; __Secure-huntaze_refresh={token}"
    assert call("POST", "/refresh", headers={"Cookie": cookie}).status == 200


def test_a_replayed_token_ends_the_session(register, refresh, admit, clock):
    first = register().body
    second = refresh(first["refresh_token"]).body
    clock.moved += timedelta(seconds=11)
    replay = refresh(first["refresh_token"])
    assert (replay.status, replay.body["error"]) == (401, "SessionOver")
    assert refresh(second["refresh_token"]).status == 401
    for token in (first["access_token"], second["access_token"]):
        with pytest.raises(authorizer.RefusedError):
            admit(token)


def test_a_replay_after_the_successor_was_used_ends_the_session_at_once(register, refresh):
    first = register().body
    second = refresh(first["refresh_token"]).body
    third = refresh(second["refresh_token"]).body
    assert refresh(first["refresh_token"]).status == 401
    assert refresh(third["refresh_token"]).status == 401


def test_a_lost_reply_is_repeated_within_the_grace(register, refresh, clock):
    first = register().body
    lost = refresh(first["refresh_token"]).body
    clock.moved += timedelta(seconds=9)
    repeated = refresh(first["refresh_token"])
    assert repeated.status == 200
    assert repeated.body["refresh_token"] == lost["refresh_token"]
    clock.moved += timedelta(minutes=15)
    assert refresh(lost["refresh_token"]).status == 200
    # Whoever else has it is a second party.
    clock.moved += timedelta(minutes=15)
    assert refresh(repeated.body["refresh_token"]).status == 401


def test_a_thousand_at_once_have_one_winner_and_a_replay_ends_the_family(
    register, refresh, as_role
):
    token = register().body["refresh_token"]
    # As many connections as the server bears; the others wait for their turn, as they would there.
    with ThreadPoolExecutor(16) as pool:
        connections = queue.SimpleQueue()
        for _ in range(16):
            connections.put(as_role("identity"))

        def bring(_: int) -> tuple[str, str]:
            connection = connections.get()
            try:
                store = PostgresLinks(SingleConnection(lambda: connection))
                grant = service.refresh(token, store, now=datetime.now(UTC))
            finally:
                connections.put(connection)
            return str(grant.session_id), grant.refresh_token

        replies = set(pool.map(bring, range(1000)))
    # Every reply is the winner's; the others made no token.
    ((session_id, winner),) = replies
    rows = as_role("master").execute(
        "SELECT used_at IS NULL FROM refresh_tokens WHERE session_id = %s ORDER BY 1", (session_id,)
    )
    assert rows.fetchall() == [(False,), (True,)]
    third = refresh(winner).body["refresh_token"]
    assert refresh(token).status == 401
    assert refresh(third).status == 401


def test_neither_the_database_nor_the_old_token_alone_makes_the_next(register, refresh, as_role):
    token = register().body["refresh_token"]
    following = refresh(token).body["refresh_token"]
    rows = as_role("master").execute(
        "SELECT token_hash, successor_salt FROM refresh_tokens WHERE successor_salt IS NOT NULL"
    )
    for token_hash, salt in rows.fetchall():
        assert service._successor(token_hash.hex(), salt) != following
        assert service._successor(token, bytes(32)) != following


def test_a_session_sleeps_thirty_days_and_no_longer(register, refresh, clock):
    first = register().body
    clock.moved += timedelta(days=29, hours=23)
    second = refresh(first["refresh_token"])
    assert second.status == 200
    clock.moved += timedelta(days=30, seconds=1)
    assert refresh(second.body["refresh_token"]).status == 401


def test_a_session_that_is_always_in_use_ends_after_ninety_days(register, refresh, clock):
    token = register().body["refresh_token"]
    for _ in range(8):
        clock.moved += timedelta(days=11)
        renewed = refresh(token)
        assert renewed.status == 200
        token = renewed.body["refresh_token"]
    clock.moved += timedelta(days=2, seconds=1)
    assert refresh(token).status == 401


@pytest.mark.parametrize("body", [{}, None, {"refresh_token": "unknown"}])
def test_without_a_known_token_nothing_is_renewed(call, body):
    assert call("POST", "/refresh", body=body).status == 401


def test_only_hashes_of_tokens_are_stored(register, as_role):
    token = register().body["refresh_token"]
    rows = as_role("identity").execute("SELECT token_hash FROM refresh_tokens").fetchall()
    assert token.encode() not in {bytes(row[0]) for row in rows}
    raw = base64.urlsafe_b64decode(token + "=")
    assert raw not in {bytes(row[0]) for row in rows}
