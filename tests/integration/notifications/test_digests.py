"""Digests: what is unread and was not mailed, once, at the hour that a member chose."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from functions.notifications.digests import handler as digests
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.domain import profiles
from huntaze.domain.notices import preferences
from huntaze.domain.notices.kinds import Kind
from huntaze.domain.profiles import ProfileDraft


@pytest.fixture
def yesterday(office) -> Callable[[UUID], None]:
    """Let what a member was told, and what they chose, be of two days ago."""

    def move(user_id: UUID) -> None:
        owner = office.connect("master")
        owner.execute("SET ROLE gatekeeper")
        owner.execute(
            "UPDATE notification_preferences SET digested_until = now() - interval '2 days',"
            " next_digest_at = NULL WHERE user_id = %s",
            (user_id,),
        )
        owner.execute("RESET ROLE")
        owner.execute("ALTER TABLE notifications NO FORCE ROW LEVEL SECURITY")
        owner.execute(
            "UPDATE notifications SET created_at = created_at - interval '2 days'"
            " WHERE user_id = %s",
            (user_id,),
        )
        owner.execute("ALTER TABLE notifications FORCE ROW LEVEL SECURITY")

    return move


def test_a_digest_tells_once_what_is_unread_and_was_not_mailed(
    office, ask, yesterday, mailed, as_role, lambda_context
):
    owner = office.ids.user_id
    quiet = {"creator_stopped": {"in_app": True, "email": False}}
    office.wants(owner, channels=quiet, digest="daily")
    for number in range(3):
        office.tell(*office.happens("creator.stopped", number=number))
    # This one has a mail of its own.
    office.tell(*office.happens("billing.payment_failed", ("workspace", office.ids.workspace_id)))
    newest = ask(owner).body["items"][1]["id"]
    ask(owner, "POST", f"/api/notifications/{newest}/read")
    yesterday(owner)
    for _ in range(3):
        digests.handler({}, lambda_context)
    assert [template for template, _ in mailed()] == ["payment_failed", "digest"]
    ((facts,),) = as_role("master").execute(
        "SELECT parameters FROM mails WHERE user_id = %s AND template = 'digest'", (owner,)
    )
    assert facts["count"] == "2"
    assert json.loads(facts["items"]) == [["creator_stopped", "Test"]] * 2
    # A day later there is nothing that was not told.
    yesterday(owner)
    digests.handler({}, lambda_context)
    assert len(mailed()) == 2


def test_of_many_sweeps_at_once_one_makes_the_digest(office, yesterday, mailed, as_role):
    owner = office.ids.user_id
    office.wants(
        owner, channels={"creator_stopped": {"in_app": True, "email": False}}, digest="daily"
    )
    office.tell(*office.happens("creator.stopped"))
    yesterday(owner)

    def sweep(connection: Connection) -> None:
        store = digests.PostgresDigests(
            Tenant(SingleConnection(lambda: connection), office.ids.workspace_id, member=owner),
            owner,
        )
        digests.make(store, now=datetime.now(UTC))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sweep, [as_role("app") for _ in range(8)]))
    assert mailed() == [("digest", owner)]


def test_a_digest_that_was_not_committed_is_made_by_the_next_sweep(
    office, yesterday, mailed, lambda_context, monkeypatch
):
    owner = office.ids.user_id
    office.wants(
        owner, channels={"creator_stopped": {"in_app": True, "email": False}}, digest="daily"
    )
    office.tell(*office.happens("creator.stopped"))
    yesterday(owner)
    with monkeypatch.context() as broken:
        broken.setattr(preferences, "plan_next", lambda *_, **__: 1 / 0)
        with pytest.raises(digests.DigestsFailedError):
            digests.handler({}, lambda_context)
    assert mailed() == []
    digests.handler({}, lambda_context)
    assert mailed() == [("digest", owner)]


def test_a_profile_in_another_zone_moves_the_next_digest(office, lambda_context):
    owner = office.ids.user_id
    office.wants(owner, digest="daily", digest_hour=9)

    def next_at(zone: str) -> datetime:
        with office.everybody.transaction() as connection:
            profiles.save(connection, owner, ProfileDraft(display_name="A", time_zone=zone))
        assert office.rows("SELECT next_digest_at FROM notification_preferences") == [(None,)]
        digests.handler({}, lambda_context)
        ((at,),) = office.rows("SELECT next_digest_at FROM notification_preferences")
        return at

    assert next_at("Asia/Tokyo").astimezone(UTC).hour == 0
    assert next_at("UTC").hour == 9


def test_changing_the_hour_makes_no_digest_for_the_past(office, yesterday, mailed, lambda_context):
    owner = office.ids.user_id
    quiet = {"creator_stopped": {"in_app": True, "email": False}}
    office.wants(owner, channels=quiet, digest="daily", digest_hour=3)
    office.tell(*office.happens("creator.stopped"))
    yesterday(owner)
    office.wants(owner, channels=quiet, digest="daily", digest_hour=4)
    digests.handler({}, lambda_context)
    assert mailed() == []
    ((at,),) = office.rows("SELECT next_digest_at FROM notification_preferences")
    assert timedelta(0) < at - datetime.now(UTC) <= timedelta(days=1)


def test_who_sees_some_creators_only_finds_nothing_of_the_whole_in_a_digest(
    office, yesterday, mailed, lambda_context
):
    scoped, whole = office.member("manager", [office.ids.creator_id]), office.member("manager")
    for manager in (scoped, whole):
        office.wants(manager, digest="daily")
        office.was_told(manager, Kind.COST_ALERT)
        yesterday(manager)
    digests.handler({}, lambda_context)
    assert mailed() == [("digest", whole)]


def test_who_lost_a_place_finds_nothing_of_it_in_a_digest(
    office, yesterday, mailed, lambda_context
):
    manager = office.member("manager")
    office.wants(manager, digest="daily")
    joined = office.member("chatter")
    office.tell(*office.happens("member.joined", ("member", joined)))
    with office.everybody.transaction() as connection:
        connection.execute("UPDATE members SET role = 'analyst' WHERE user_id = %s", (manager,))
    yesterday(manager)
    digests.handler({}, lambda_context)
    assert mailed() == []
