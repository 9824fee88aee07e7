"""Messages are stored once, and a conversation stands where its messages say, in any order."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from huntaze.db import Connection, Tenant
from huntaze.domain import conversations, erasure, fans
from huntaze.domain.conversations import NEWS, SeenMessage, Stored
from huntaze.domain.fans import ChatRow, FanRow
from huntaze.ids import new_id
from tests.fakes.creator_desk import Desk

NOW = datetime.now(UTC).replace(microsecond=0)
FAN = "fan-1"


def at(minutes: float) -> datetime:
    """So many minutes before now; days before the news end."""
    return NOW - timedelta(minutes=minutes)


def theirs(name: str, minutes: float, text: str = "hello", **more: Any) -> SeenMessage:
    return SeenMessage(name, False, text, at(minutes), **more)


def ours(name: str, minutes: float, text: str = "hi", **more: Any) -> SeenMessage:
    return SeenMessage(name, True, text, at(minutes), **more)


class Inbox:
    """What is stored of one fan."""

    def __init__(self, tenant: Tenant, creator_id: UUID, fan: str = FAN) -> None:
        self._tenant, self.creator_id, self.fan = tenant, creator_id, fan
        with tenant.transaction() as connection:
            fans.upsert(connection, creator_id, [FanRow(1, fan, fan)])

    def store(self, *messages: SeenMessage) -> Stored | None:
        """Store what was seen of the thread."""
        with self._tenant.transaction() as connection:
            return conversations.store(connection, self.creator_id, self.fan, messages)

    def take_back(self, name: str) -> None:
        """Take a message back on the platform."""
        with self._tenant.transaction() as connection:
            conversations.note_taken_back(connection, self.creator_id, name)

    def is_listed(self, at: datetime) -> None:
        """Let the list of chats show that the fan wrote last."""
        chat = ChatRow(self.fan, last_is_own=False, last_at=at.isoformat())
        with self._tenant.transaction() as connection:
            fans.record_chats(connection, self.creator_id, [chat])

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Ask the database."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query.encode(), values).fetchall()

    @property
    def fan_id(self) -> UUID:
        """Whose thread it is."""
        row = self.rows(
            "SELECT id FROM fans WHERE creator_id = %s AND platform_id = %s",
            self.creator_id,
            self.fan,
        )
        return UUID(str(row[0]["id"]))

    @property
    def stand(self) -> dict[str, Any]:
        """Where the conversation stands."""
        (row,) = self.rows(
            "SELECT c.state, c.unread, c.waiting_since, c.answer_from, c.last_inbound_at,"
            " c.last_outbound_at, m.platform_message_id AS last, c.snoozed_until"
            " FROM conversations c LEFT JOIN messages m ON m.id = c.last_message_id"
            " JOIN fans f ON f.id = c.fan_id WHERE c.creator_id = %s AND f.platform_id = %s",
            self.creator_id,
            self.fan,
        )
        return row

    @property
    def suppressed(self) -> bool:
        """Whether nothing is sent to the fan any more."""
        query = (
            "SELECT FROM suppressions s JOIN fans f ON f.platform_key = s.platform_key"
            " WHERE f.id = %s"
        )
        return bool(self.rows(query, self.fan_id))

    def told(self) -> list[str]:
        """Messages of which somebody was told."""
        return [
            row["id"]
            for row in self.rows(
                "SELECT m.platform_message_id AS id FROM events_outbox e"
                " JOIN messages m ON m.id = (e.payload ->> 'message_id')::uuid"
                " WHERE e.event_type = 'message.created' AND m.creator_id = %s ORDER BY e.id",
                self.creator_id,
            )
        ]


@pytest.fixture
def open_inbox(tenant_factory, tenant) -> Callable[[], Inbox]:
    workspace_id, _, creator_id = tenant_factory()
    mine = tenant(workspace_id)
    number = itertools.count()
    return lambda: Inbox(mine, creator_id, f"{FAN}-{next(number)}")


@pytest.fixture
def inbox(open_inbox) -> Inbox:
    return open_inbox()


def test_a_question_opens_and_an_answer_leaves_the_next_word_to_the_fan(inbox: Inbox) -> None:
    inbox.store(theirs("1", 9), theirs("2", 8))
    stand = inbox.stand
    assert (stand["state"], stand["unread"], stand["last"]) == ("open", 2, "2")
    assert stand["waiting_since"] == at(9)
    inbox.store(ours("3", 7))
    stand = inbox.stand
    assert (stand["state"], stand["unread"], stand["waiting_since"]) == ("waiting", 0, None)
    assert (stand["last_inbound_at"], stand["last_outbound_at"]) == (at(8), at(7))


def test_a_question_that_was_taken_back_waits_no_more(inbox: Inbox) -> None:
    inbox.store(theirs("1", 9), theirs("2", 8))
    inbox.take_back("1")
    assert inbox.stand["waiting_since"] == at(8)
    inbox.take_back("2")
    assert (inbox.stand["state"], inbox.stand["waiting_since"]) == ("open", None)
    inbox.store(theirs("3", 7))
    assert inbox.stand["waiting_since"] == at(7)


def test_whose_answer_was_taken_back_waits_again(inbox: Inbox) -> None:
    inbox.store(theirs("1", 9), ours("2", 8))
    assert inbox.stand["state"] == "waiting"
    inbox.take_back("2")
    assert (inbox.stand["state"], inbox.stand["waiting_since"]) == ("open", at(9))


def test_what_is_dated_in_the_future_keeps_nothing_newer_out(inbox: Inbox) -> None:
    never, before = datetime(9999, 12, 31, tzinfo=UTC), datetime.now(UTC)
    inbox.store(replace(theirs("1", 9), sent_at=never), replace(ours("2", 8), sent_at=never))
    # Read again, it stays where it is.
    inbox.store(replace(theirs("1", 9), sent_at=never))
    moments = inbox.rows("SELECT sent_at FROM messages WHERE fan_id = %s", inbox.fan_id)
    assert all(before <= row["sent_at"] < before + timedelta(hours=1) for row in moments)
    inbox.is_listed(never)
    (row,) = inbox.rows("SELECT last_inbound_at FROM fans WHERE id = %s", inbox.fan_id)
    assert row["last_inbound_at"] < before + timedelta(hours=1)


def test_a_message_to_many_answers_nobody(inbox: Inbox) -> None:
    send_id = new_id()
    inbox.rows(
        "INSERT INTO sends (workspace_id, id, creator_id, fan_id, priority, text, text_hash,"
        " written_by, state, platform_message_id, compliance_passed_at)"
        " SELECT workspace_id, %s, creator_id, id, 3, 'to many', 'h', 'person', 'sent', 'm2', now()"
        " FROM fans WHERE id = %s RETURNING id",
        send_id,
        inbox.fan_id,
    )
    inbox.store(theirs("m1", 9), ours("m2", 8, "to many, as shown"))
    stand = inbox.stand
    assert (stand["state"], stand["unread"], stand["waiting_since"]) == ("open", 1, at(9))
    (row,) = inbox.rows("SELECT * FROM messages WHERE send_id = %s", send_id)
    assert (row["automatic"], row["text"]) == (True, "to many")
    assert inbox.told() == ["m1"]


def test_who_has_spent_more_is_answered_before_who_waits_a_little_longer(open_inbox) -> None:
    poor, rich = open_inbox(), open_inbox()
    rich.rows("UPDATE fans SET value_cents = 100000 WHERE id = %s RETURNING id", rich.fan_id)
    poor.store(theirs("p", 60))
    rich.store(theirs("r", 5))
    assert rich.stand["answer_from"] < poor.stand["answer_from"]
    # Not for ever.
    patient = open_inbox()
    patient.store(theirs("q", 13 * 60))
    assert patient.stand["answer_from"] < rich.stand["answer_from"]


def test_history_opens_nothing_and_nobody_is_told(inbox: Inbox) -> None:
    old = NEWS / timedelta(minutes=1) + 60
    inbox.store(theirs("1", old), theirs("2", old - 1))
    stand = inbox.stand
    assert (stand["state"], stand["unread"], stand["waiting_since"]) == ("waiting", 0, None)
    assert inbox.told() == []


def test_a_fans_message_ends_what_was_put_off_or_done(inbox: Inbox) -> None:
    inbox.store(theirs("1", 9))
    for number, state in enumerate(("snoozed", "done"), start=2):
        inbox.rows(
            "UPDATE conversations SET state = %s, snoozed_until = %s WHERE fan_id = %s"
            " RETURNING id",
            state,
            NOW if state == "snoozed" else None,
            inbox.fan_id,
        )
        # What is known already ends nothing.
        inbox.store(theirs("1", 9))
        assert inbox.stand["state"] == state
        inbox.store(theirs(str(number), 9 - number))
        assert (inbox.stand["state"], inbox.stand["snoozed_until"]) == ("open", None)


def test_an_answer_leaves_what_is_done(inbox: Inbox) -> None:
    inbox.store(theirs("1", 9))
    inbox.rows(
        "UPDATE conversations SET state = 'done' WHERE fan_id = %s RETURNING id", inbox.fan_id
    )
    inbox.store(ours("2", 8))
    assert inbox.stand["state"] == "done"


@pytest.mark.parametrize(
    ("seen", "suppressed"),
    [
        ([theirs("1", 9, "Stop."), ours("2", 8)], True),
        ([theirs("1", 9, "stop"), theirs("2", 8, "or not")], True),
        ([theirs("1", 60 * 24 * 30, "stop"), ours("2", 8)], True),
        ([theirs("1", 60 * 24 * 30, "stop"), theirs("2", 8, "I am back")], False),
        ([theirs("1", 9, "don't stop"), ours("2", 8, "stop")], False),
    ],
    ids=["behind our word", "recent", "the last word", "taken back", "not the fan's"],
)
def test_a_stop_word_holds_wherever_it_stands(
    inbox: Inbox, seen: Sequence[SeenMessage], suppressed: bool
) -> None:
    inbox.store(*seen)
    assert inbox.suppressed is suppressed


def test_whom_a_person_has_allowed_the_same_word_does_not_silence(inbox: Inbox) -> None:
    inbox.store(theirs("1", 9, "stop"))
    inbox.rows("DELETE FROM suppressions WHERE creator_id = %s RETURNING 1", inbox.creator_id)
    inbox.store(theirs("1", 9, "stop"), ours("2", 8))
    assert not inbox.suppressed


def test_what_is_known_of_a_message_only_grows(inbox: Inbox) -> None:
    inbox.store(ours("1", 9, price_cents=500))
    inbox.store(ours("1", 9, price_cents=500, paid=True, unsent=True))
    inbox.store(ours("1", 9, price_cents=500))
    (row,) = inbox.rows("SELECT * FROM messages WHERE creator_id = %s", inbox.creator_id)
    assert row["paid_at"] is not None
    assert row["unsent_at"] is not None


def test_a_settled_send_is_in_its_conversation_and_a_sync_finds_it_there(
    tenant_factory, as_role: Callable[[str], Connection]
) -> None:
    workspace_id, user_id, creator_id = tenant_factory()
    desk = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    desk.open_lane()
    fan_id = desk.fan()
    send_id = desk.send(fan_id)
    claim = desk.claim()
    desk.grant(claim)
    assert desk.confirm(claim, send_id)
    platform_id = desk.row(fan_id, "fans")["platform_id"]
    with desk.worker.transaction() as connection:
        found = conversations.store(connection, creator_id, platform_id, [ours("m1", 3)])
    (row,) = desk.rows("SELECT * FROM messages WHERE send_id = %s", send_id)
    assert (row["text"], row["automatic"]) == (desk.row(send_id)["text"], False)
    # The platform's moment counts.
    assert row["sent_at"] == at(3)
    assert found is not None
    assert found.new == []
    assert len(desk.events("message.created")) == 1


def test_an_answer_comes_after_its_question_though_the_platforms_clock_is_ahead(
    inbox: Inbox,
) -> None:
    inbox.store(theirs("1", -90))
    inbox.store(SeenMessage("2", own=True, text="hi"))
    stand = inbox.stand
    assert (stand["last"], stand["state"], stand["unread"]) == ("2", "waiting", 0)


def test_a_forgotten_fan_has_no_conversation_and_gets_none(
    tenant_factory, tenant: Callable[..., Tenant]
) -> None:
    workspace_id, user_id, creator_id = tenant_factory()
    mine = tenant(workspace_id)
    inbox = Inbox(mine, creator_id)
    inbox.store(theirs("1", 9))
    with mine.transaction() as connection:
        erasure.erase_fan(connection, workspace_id, inbox.fan_id, by=user_id)
    assert inbox.store(theirs("2", 8)) is None
    assert inbox.rows("SELECT FROM messages WHERE creator_id = %s", creator_id) == []
    assert inbox.rows("SELECT FROM conversations WHERE creator_id = %s", creator_id) == []


ONE_THREAD = [
    theirs("1", 50),
    ours("2", 40),
    theirs("3", 30, "again"),
    ours("4", 20, price_cents=900, paid=True),
    theirs("5", 10, "and now?"),
]


# Each example has inboxes of its own.
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    order=st.permutations(ONE_THREAD),
    cuts=st.lists(st.integers(1, 4), max_size=3),
    again=st.lists(st.sampled_from(ONE_THREAD), max_size=4),
    upto=st.integers(1, 5),
)
def test_order_pieces_and_repetition_change_nothing(open_inbox, order, cuts, again, upto) -> None:
    known = {one.id for one in ONE_THREAD[:upto]}
    in_order, shuffled = open_inbox(), open_inbox()
    in_order.store(*[_of(in_order, one) for one in ONE_THREAD[:upto]])
    pieces = [one for one in [*order, *again] if one.id in known]
    for start, end in itertools.pairwise([0, *sorted(set(cuts)), len(pieces)]):
        shuffled.store(*[_of(shuffled, one) for one in pieces[start:end]])
    expected, found = in_order.stand, shuffled.stand
    for stand in (expected, found):
        stand["last"] = stand["last"].rpartition("/")[2]
    assert found == expected


def _of(inbox: Inbox, one: SeenMessage) -> SeenMessage:
    return SeenMessage(
        f"{inbox.fan}/{one.id}", one.own, one.text, one.sent_at, one.price_cents, one.paid
    )
