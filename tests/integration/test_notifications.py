"""From an event of the outbox to what members read, get by mail, and find in a digest."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from functions.notifications.api import handler as api
from functions.notifications.digests import handler as digests
from functions.notifications.events import handler as door
from functions.outbox_relay import handler as relay
from huntaze import clients, correlation, outbox
from huntaze.ai.agents.outputs import Topic
from huntaze.db import EVERY_MEMBER, Connection, SingleConnection, Tenant
from huntaze.domain import mails, profiles
from huntaze.domain.dangers import GRAVE
from huntaze.domain.mails import Template
from huntaze.domain.notices import preferences
from huntaze.domain.notices.kinds import EVENTS, RULES, Kind
from huntaze.domain.notices.preferences import Channels, PreferencesDraft
from huntaze.domain.profiles import ProfileDraft
from huntaze.ids import new_id
from huntaze.settings import load
from stacks.messaging import TOLD_TO_MEMBERS
from tests.fakes.answer import Answer


class Office:
    """A workspace with its people, and the way from an event to them."""

    def __init__(self, ids: Any, connect: Callable[[str], Connection], context: Any) -> None:
        self.ids = ids
        self.connect = connect
        self.context = context
        source = SingleConnection(lambda: connect("app"))
        self.everybody = Tenant(source, ids.workspace_id, member=EVERY_MEMBER)

    def member(self, role: str, scope: list[UUID] | None = None) -> UUID:
        """Let somebody join."""
        user_id, identity = new_id(), self.connect("identity")
        identity.execute(
            "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Colleague')",
            (user_id, f"{user_id}@example.com"),
        )
        identity.execute(
            "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
            " VALUES (%s, %s, %s, %s)",
            (self.ids.workspace_id, user_id, role, scope),
        )
        return user_id

    def wants(self, user_id: UUID, **draft: Any) -> None:
        """Save preferences."""
        with self.everybody.transaction() as connection:
            preferences.save(connection, user_id, PreferencesDraft(**draft))

    def happens(self, event_type: str, aggregate: tuple[str, UUID] | None = None, **facts: Any):
        """Put an event into the outbox; answer what EventBridge makes of it."""
        aggregate = aggregate or ("creator", self.ids.creator_id)
        with correlation.within(new_id()), self.everybody.transaction() as connection:
            outbox.add(
                connection,
                event_type,
                workspace_id=self.ids.workspace_id,
                aggregate=aggregate,
                payload=facts,
            )
        return self.on_the_bus()

    def on_the_bus(self) -> list[dict[str, Any]]:
        """Take this workspace's events from the outbox, as the relay would give them."""
        entries: list[dict[str, Any]] = []

        def put_events(Entries):  # noqa: N803 - boto3's name
            entries.extend(Entries)
            return {"Entries": [{} for _ in Entries]}

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clients, "events", lambda: SimpleNamespace(put_events=put_events))
            patch.setattr(
                relay, "database", lambda: SingleConnection(lambda: self.connect("relay"))
            )
            patch.setenv("EVENT_BUS_NAME", "huntaze")
            load.cache_clear()
            relay.handler({}, self.context)
            load.cache_clear()
        return [
            {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
            for entry in entries
            if json.loads(entry["Detail"])["workspace_id"] == str(self.ids.workspace_id)
        ]

    def tell(self, *events: dict[str, Any]) -> None:
        """Bring events, as the queue does."""
        records = [
            {"messageId": str(number), "body": json.dumps(event)}
            for number, event in enumerate(events)
        ]
        assert door.handler({"Records": records}, self.context) == {"batchItemFailures": []}

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask as somebody who sees the whole workspace."""
        with self.everybody.transaction() as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def told(self) -> dict[UUID, int]:
        """How many notifications each member has."""
        return dict(self.rows("SELECT user_id, count(*) FROM notifications GROUP BY 1"))


@pytest.fixture
def queue(monkeypatch) -> list[str]:
    """The mails that the queue was told of."""
    queued: list[str] = []
    monkeypatch.setattr(mails, "enqueue", lambda ids: queued.extend(map(str, ids)) or len(queued))
    monkeypatch.setattr(outbox, "nudge", lambda: None)
    return queued


@pytest.fixture
def office(tenant_factory, as_role, monkeypatch, lambda_context, queue) -> Office:  # noqa: ARG001
    for one in (door, api, digests):
        source = SingleConnection(lambda: as_role("app"))
        monkeypatch.setattr(one, "database", lambda source=source: source)
    return Office(tenant_factory(), as_role, lambda_context)


@pytest.fixture
def ask(office, api_event, principal, lambda_context) -> Callable[..., Answer]:
    def make(
        user_id: UUID,
        method: str = "GET",
        path: str = "/api/notifications",
        *,
        creators: list[UUID] | None = None,
        role: str = "owner",
        **event: Any,
    ) -> Answer:
        who = principal(office.ids.workspace_id, user_id=user_id, creators=creators, role=role)
        sent = api_event(method, path, principal=who, **event)
        return Answer.of(api.handler(sent, lambda_context))

    return make


@pytest.fixture
def mailed(office, as_role) -> Callable[[], list[tuple[str, UUID]]]:
    """The mails of notifications that wait: template and whose, in order."""

    def read() -> list[tuple[str, UUID]]:
        ids = [row[0] for row in office.rows("SELECT user_id FROM members")]
        query = "SELECT template, user_id FROM mails WHERE user_id = ANY (%s) ORDER BY id"
        return as_role("master").execute(query, (ids,)).fetchall()

    return read


def test_what_the_bus_brings_is_what_members_are_told_of():
    assert set(TOLD_TO_MEMBERS) == EVENTS
    assert set(RULES) == set(Kind)
    assert {topic.value for topic in Topic} >= GRAVE
    assert {kind.value for kind in Kind} == {one.value for one in mails.NOTICES - {Template.DIGEST}}


def test_an_event_becomes_a_notification_a_mail_and_an_event_of_its_own(office, ask, queue, mailed):
    owner = office.ids.user_id
    (event,) = office.happens("creator.stopped", reason="session_expired")
    office.tell(event)
    (answer,) = ask(owner).body["items"]
    assert answer["kind"] == "creator_stopped"
    assert (answer["about"], answer["facts"]) == ("Test", {"reason": "session_expired"})
    assert answer["target_id"] == answer["creator_id"] == str(office.ids.creator_id)
    assert mailed() == [("creator_stopped", owner)]
    assert len(queue) == 1
    ((mail_id,),) = office.rows("SELECT mail_id FROM notifications")
    assert queue == [str(mail_id)]
    (told,) = office.on_the_bus()
    assert told["detail-type"] == "notification.created"
    assert told["detail"]["aggregate_id"] == answer["id"]
    assert told["detail"]["payload"]["user_id"] == str(owner)
    assert told["detail"]["correlation_id"] == event["detail"]["correlation_id"]


def test_an_event_that_comes_again_tells_nobody_twice(office, ask, queue, mailed):
    (event,) = office.happens("creator.stopped", reason="challenge")
    office.tell(event, event)
    # Not even those who had turned it off meanwhile, or on.
    office.wants(office.ids.user_id, emails=False)
    office.tell(event)
    assert len(ask(office.ids.user_id).body["items"]) == len(queue) == len(mailed()) == 1
    assert len(office.on_the_bus()) == 1


def test_many_at_once_tell_each_member_once(office, as_role, mailed, monkeypatch):
    people = {office.member("manager") for _ in range(4)} | {office.ids.user_id}
    (event,) = office.happens("creator.stopped", reason="challenge")
    connections = [as_role("app") for _ in range(8)]
    sources = [SingleConnection(lambda c=connection: c) for connection in connections]
    monkeypatch.setattr(door, "database", sources.pop)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: office.tell(event), range(8)))
    assert office.told() == dict.fromkeys(people, 1)
    assert sorted(mailed()) == sorted(("creator_stopped", one) for one in people)
    assert len(office.on_the_bus()) == len(people)


@pytest.mark.parametrize(
    ("event_type", "roles"),
    [
        ("creator.stopped", {"owner", "manager", "chatter", "analyst"}),
        ("billing.payment_failed", {"owner"}),
        ("member.joined", {"owner", "manager"}),
    ],
)
def test_who_may_see_it_is_told(office, event_type, roles):
    people = {"owner": office.ids.user_id}
    people |= {role: office.member(role) for role in ("manager", "chatter", "analyst")}
    joined = office.member("manager")
    aggregate = {
        "creator.stopped": ("creator", office.ids.creator_id),
        "billing.payment_failed": ("workspace", office.ids.workspace_id),
        # Who joined knows it.
        "member.joined": ("member", joined),
    }[event_type]
    office.tell(*office.happens(event_type, aggregate))
    told = {role for role, user_id in people.items() if user_id in office.told()}
    assert told == roles
    assert (joined in office.told()) == (event_type == "creator.stopped")


def test_a_scope_narrows_who_is_told_and_what_is_shown(office, ask):
    of_another = office.member("chatter", [new_id()])
    of_this = office.member("chatter", [office.ids.creator_id])
    office.tell(*office.happens("creator.stopped"))
    assert set(office.told()) == {office.ids.user_id, of_this}
    # A scope that was narrowed since hides what was told before.
    assert len(ask(of_this, creators=[office.ids.creator_id], role="chatter").body["items"]) == 1
    answer = ask(of_this, creators=[new_id()], role="chatter").body
    assert (answer["items"], answer["unread"]) == ([], 0)
    assert ask(of_another, creators=[new_id()], role="chatter").body["items"] == []


@pytest.mark.parametrize(
    ("channels", "emails", "shown", "sent"),
    [
        ({}, True, 1, 1),
        ({"in_app": False, "email": True}, True, 0, 1),
        ({"in_app": True, "email": False}, True, 1, 0),
        ({"in_app": False, "email": False}, True, 0, 0),
        ({"in_app": True, "email": True}, False, 1, 0),
    ],
)
def test_each_is_told_as_they_want(office, ask, mailed, channels, emails, shown, sent):
    wanted = {"creator_stopped": channels} if channels else {}
    office.wants(office.ids.user_id, channels=wanted, emails=emails)
    office.tell(*office.happens("creator.stopped"))
    assert len(ask(office.ids.user_id).body["items"]) == shown
    assert len(mailed()) == sent
    assert len(office.on_the_bus()) == shown


def test_what_somebody_did_on_purpose_or_is_gone_is_not_told(office):
    office.tell(*office.happens("creator.stopped", reason="disconnected"))
    office.tell(*office.happens("campaign.failed", ("campaign", new_id())))
    office.tell({**office.happens("creator.stopped")[0], "detail-type": "creator.unheard_of"})
    assert office.told() == {}


def test_one_bad_message_comes_back_alone(office, lambda_context):
    (event,) = office.happens("creator.stopped")
    records = [
        {"messageId": "bad", "body": "{}"},
        {"messageId": "good", "body": json.dumps(event)},
    ]
    answer = door.handler({"Records": records}, lambda_context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(office.told()) == 1


# What members read


def test_pages_hold_everything_once_newest_first(office, ask):
    for number in range(5):
        office.tell(*office.happens("creator.stopped", number=number))
    seen, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = ask(office.ids.user_id, query=query).body
        seen += [one["facts"]["number"] for one in page["items"]]
        assert page["unread"] == 5
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [4, 3, 2, 1, 0]


def test_reading_is_counted_once_and_can_be_repeated(office, ask):
    for _ in range(3):
        office.tell(*office.happens("creator.stopped"))
    owner = office.ids.user_id
    first = ask(owner).body["items"][0]["id"]
    path = f"/api/notifications/{first}/read"
    once, again = (ask(owner, "POST", path).body for _ in range(2))
    assert once["read_at"] == again["read_at"] is not None
    assert ask(owner).body["unread"] == 2
    unread = ask(owner, query={"unread": "true"}).body["items"]
    assert first not in [one["id"] for one in unread]
    assert ask(owner, "POST", "/api/notifications/read-all").body == {"read": 2}
    assert ask(owner, "POST", "/api/notifications/read-all").body == {"read": 0}
    assert ask(owner).body["unread"] == 0


def test_nobody_reads_or_marks_what_is_a_colleagues(office, ask):
    colleague = office.member("manager")
    office.tell(*office.happens("billing.payment_failed", ("workspace", office.ids.workspace_id)))
    ((owners,),) = office.rows("SELECT id FROM notifications")
    assert ask(colleague).body["items"] == []
    assert ask(colleague, "POST", f"/api/notifications/{owners}/read").status == 404
    assert ask(colleague, "POST", "/api/notifications/read-all").body == {"read": 0}
    assert ask(office.ids.user_id).body["unread"] == 1


def test_the_database_itself_keeps_members_apart(office, as_role):
    colleague = office.member("manager")
    office.tell(*office.happens("creator.stopped"))
    office.wants(office.ids.user_id)
    source = SingleConnection(lambda: as_role("app"))
    for member in (colleague, None):
        own = Tenant(source, office.ids.workspace_id, member=member)
        with own.transaction() as connection:
            for table in ("notifications", "notification_preferences"):
                others = connection.execute(
                    f"SELECT count(*) FROM {table} WHERE user_id <> %s",
                    (colleague,),
                ).fetchone()
                assert others == (0,)
            update = "UPDATE notifications SET read_at = now() WHERE user_id = %s"
            assert connection.execute(update, (office.ids.user_id,)).rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege), own.transaction() as connection:
            preferences.save(connection, office.ids.user_id, PreferencesDraft())


# Digests


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


def test_preferences_are_the_products_until_chosen(office):
    with office.everybody.transaction() as connection:
        read = preferences.read(connection, office.ids.user_id)
    assert read.channels[Kind.CREATOR_STOPPED] == Channels(in_app=True, email=True)
    assert read.channels[Kind.CAMPAIGN_COMPLETED] == Channels(in_app=True, email=False)
    assert (read.emails, read.digest, read.time_zone, read.mail_trouble) == (
        True,
        "off",
        "UTC",
        None,
    )


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
