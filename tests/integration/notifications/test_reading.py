"""What each member reads of what they were told, and nobody else does; and their first choices."""

import psycopg
import pytest

from huntaze.db import SingleConnection, Tenant
from huntaze.domain.notices import preferences
from huntaze.domain.notices.kinds import Kind
from huntaze.domain.notices.preferences import Channels, PreferencesDraft


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


def test_who_lost_a_place_reads_nothing_of_it(office, ask):
    owner = office.ids.user_id
    alert = office.was_told(owner, Kind.COST_ALERT)
    office.tell(*office.happens("billing.payment_failed", ("workspace", office.ids.workspace_id)))
    office.tell(*office.happens("creator.stopped"))
    seen = {}
    for name, place in (
        ("owner", {}),
        ("manager", {"role": "manager"}),
        ("manager of some", {"role": "manager", "creators": [office.ids.creator_id]}),
        ("chatter", {"role": "chatter"}),
    ):
        page = ask(owner, **place).body
        seen[name] = [one["kind"] for one in page["items"]]
        assert page["unread"] == len(page["items"])
    assert seen == {
        "owner": ["creator_stopped", "payment_failed", "cost_alert"],
        "manager": ["creator_stopped", "cost_alert"],
        "manager of some": ["creator_stopped"],
        "chatter": ["creator_stopped"],
    }
    path = f"/api/notifications/{alert}/read"
    assert ask(owner, "POST", path, role="chatter").status == 404
    assert ask(owner, "POST", "/api/notifications/read-all", role="chatter").body == {"read": 1}
    assert ask(owner).body["unread"] == 2


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
