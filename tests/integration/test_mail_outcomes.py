"""What becomes of mails: told in any order, any number of times; and addresses that end."""

import itertools
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from functions.notifications import service
from functions.notifications.outcomes import handler as door
from functions.notifications.rendering import render
from functions.notifications.repository import PostgresMails
from functions.notifications.service import Verdict
from functions.operators.grants import handler as grants
from huntaze.db import SingleConnection
from huntaze.domain import mails
from huntaze.domain.mails import Template
from huntaze.ids import new_id
from tests.fakes.auth_door import ORIGIN, LetterBox
from tests.integration.test_mail_sending import NOW

MOMENT = "2026-03-01T10:00:00.000Z"
DELIVERY = {"eventType": "Delivery", "delivery": {"timestamp": MOMENT}}
HARD = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "NoEmail",
        "timestamp": MOMENT,
        "bouncedRecipients": [{"emailAddress": "somewhere@else.example"}],
    },
}
SOFT = {
    "eventType": "Bounce",
    "bounce": {"bounceType": "Transient", "bounceSubType": "MailboxFull", "timestamp": MOMENT},
}
UNWANTED = {
    "eventType": "Complaint",
    "complaint": {"timestamp": MOMENT, "complaintFeedbackType": "abuse"},
}
WANTED_AFTER_ALL = {
    "eventType": "Complaint",
    "complaint": {"timestamp": MOMENT, "complaintFeedbackType": "not-spam"},
}
DELAY = {
    "eventType": "DeliveryDelay",
    "deliveryDelay": {"timestamp": MOMENT, "delayType": "MailboxFull"},
}
SENT = {"eventType": "Send", "send": {}}
OF_A_WORKSPACE = (Template.CAMPAIGN_FAILED, Template.EXPORT_READY, Template.ERASURE_SCHEDULED)


@pytest.fixture
def ids(tenant_factory, as_role):
    made = tenant_factory()
    as_role("identity").execute(
        "UPDATE users SET email_verified_at = now() WHERE id = %s", (made.user_id,)
    )
    return made


@pytest.fixture
def plan(ids, as_role) -> Callable[[Template], UUID]:
    facts = {"about": "a", "workspace": "w", "inviter": "i", "day": "2026-03-01", "export_id": "e"}
    return lambda template: mails.add(
        as_role("identity"), template, user_id=ids.user_id, parameters=facts
    )


@pytest.fixture
def told(ids, as_role, monkeypatch, lambda_context) -> Callable[..., list[str]]:
    """Bring events of a mail; answers which come again."""
    source = SingleConnection(lambda: as_role("mailer"))
    monkeypatch.setattr(door, "database", lambda: source)

    def bring(mail_id: UUID, *events: dict[str, Any]) -> list[str]:
        mail = {
            "timestamp": MOMENT,
            "messageId": "m",
            "destination": [f"{ids.user_id}@Example.com"],
            "tags": {"mail_id": [str(mail_id)], "ses:from-domain": ["x"]},
        }
        records = [
            {"messageId": str(number), "body": json.dumps({**event, "mail": mail})}
            for number, event in enumerate(events)
        ]
        answer = door.handler({"Records": records}, lambda_context)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    return bring


@pytest.fixture
def row(as_role) -> Callable[..., tuple[Any, ...]]:
    def read(mail_id: UUID, columns: str = "delivery") -> tuple[Any, ...]:
        found = (
            as_role("master")
            .execute(f"SELECT {columns} FROM mails WHERE id = %s", (mail_id,))
            .fetchone()
        )
        assert found is not None
        return found

    return read


@pytest.fixture
def send(as_role) -> Callable[[UUID], Verdict]:
    def make(mail_id: UUID, box: LetterBox | None = None) -> Verdict:
        store = PostgresMails(SingleConnection(lambda: as_role("mailer")))
        office = service.Office(store, box or LetterBox(), render, ORIGIN, lambda: new_id().hex * 2)
        return service.deliver(mail_id, office, now=NOW)

    return make


@pytest.mark.parametrize("order", list(itertools.permutations([DELAY, DELIVERY, HARD, UNWANTED])))
def test_the_gravest_news_stands_whatever_order_it_comes_in(plan, told, row, order):
    mail_id = plan(Template.WELCOME)
    assert told(mail_id, *order, *order) == []
    assert row(mail_id) == ("complained",)


def test_a_bounce_keeps_its_reason(plan, told, row):
    mail_id = plan(Template.WELCOME)
    told(mail_id, SOFT, DELIVERY)
    assert row(mail_id, "delivery, delivery_detail") == ("bounced", "Transient/MailboxFull")


@pytest.mark.parametrize("template", Template)
def test_a_mailbox_that_is_not_there_gets_nothing_more(plan, told, row, send, template):
    told(plan(Template.WELCOME), HARD, HARD)
    mail_id = plan(template)
    assert send(mail_id) is Verdict.SUPPRESSED
    assert row(mail_id, "state, outcome, ses_message_id") == ("suppressed", "bounced", None)
    assert send(mail_id) is Verdict.NOT_OURS


@pytest.mark.parametrize("event", [SOFT, DELAY, DELIVERY, SENT, WANTED_AFTER_ALL])
def test_news_that_is_no_end_ends_nothing(plan, told, send, event):
    told(plan(Template.WELCOME), event)
    assert send(plan(Template.WELCOME)) is Verdict.SENT


@pytest.mark.parametrize(
    ("template", "verdict"),
    [
        (Template.RESET_PASSWORD, Verdict.SENT),
        (Template.MAGIC_LINK, Verdict.SENT),
        (Template.PASSWORD_CHANGED, Verdict.SENT),
        (Template.WELCOME, Verdict.SUPPRESSED),
        (Template.CAMPAIGN_COMPLETED, Verdict.SUPPRESSED),
    ],
)
def test_who_complained_gets_what_the_account_needs(plan, told, send, template, verdict):
    told(plan(Template.WELCOME), UNWANTED)
    assert send(plan(template)) is verdict


def test_a_complaint_turns_mails_of_notifications_off_in_every_workspace(
    ids, plan, told, as_role, tenant_factory
):
    other = tenant_factory()
    as_role("identity").execute(
        "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'analyst')",
        (other.workspace_id, ids.user_id),
    )
    told(plan(Template.WELCOME), UNWANTED, UNWANTED)
    owner = as_role("master")
    owner.execute("SET ROLE gatekeeper")
    rows = owner.execute(
        "SELECT workspace_id, emails FROM notification_preferences WHERE user_id = %s",
        (ids.user_id,),
    ).fetchall()
    assert dict(rows) == {ids.workspace_id: False, other.workspace_id: False}


def test_another_address_takes_mails(ids, plan, told, send, as_role):
    told(plan(Template.WELCOME), HARD, UNWANTED)
    as_role("identity").execute(
        "UPDATE users SET email = %s WHERE id = %s", (f"new-{ids.user_id}@example.com", ids.user_id)
    )
    assert send(plan(Template.CAMPAIGN_COMPLETED)) is Verdict.SENT


def test_what_cannot_be_read_comes_again_alone(plan, told, row, lambda_context):
    mail_id = plan(Template.WELCOME)
    assert told(mail_id, {"eventType": "Bounce", "bounce": {}}, DELIVERY) == ["0"]
    assert row(mail_id) == ("delivered",)
    greeting = "Successfully validated SNS topic for Amazon SES event publishing."
    answer = door.handler({"Records": [{"messageId": "0", "body": greeting}]}, lambda_context)
    assert answer == {"batchItemFailures": []}


def test_no_address_is_kept_or_logged(ids, plan, told, as_role, capsys):
    told(plan(Template.WELCOME), HARD)
    kept = as_role("master").execute("SELECT a::text FROM undeliverable_addresses a").fetchall()
    assert kept
    assert not any("@" in text for (text,) in kept)
    assert str(ids.user_id) not in capsys.readouterr().out


# Notices are never sent twice, whatever happens to their sender.


def test_a_notice_whose_sender_died_is_not_sent_again(plan, send, row, as_role):
    box, mail_id = LetterBox(), plan(Template.CAMPAIGN_FAILED)
    box.refuses_with = OSError("the connection broke after SES had taken it")
    with pytest.raises(OSError, match="connection broke"):
        send(mail_id, box)
    as_role("master").execute(
        "UPDATE mails SET leased_until = clock_timestamp() - interval '1 s',"
        " created_at = created_at - interval '1 hour' WHERE id = %s",
        (mail_id,),
    )
    box.refuses_with = None
    assert send(mail_id, box) is Verdict.NOT_OURS
    store = PostgresMails(SingleConnection(lambda: as_role("mailer")))
    assert mail_id not in store.lost(service.LEASE, service.MOST_ATTEMPTS, 500)
    assert row(mail_id, "state, outcome") == ("failed", "perhaps sent; never sent twice")
    assert box.letters == []


def test_a_notice_that_ses_has_not_taken_is_sent_when_it_is_tried_again(plan, send):
    box, mail_id = LetterBox(), plan(Template.CAMPAIGN_FAILED)
    box.refuses_with = service.MailPostponedError("TooManyRequestsException")
    with pytest.raises(service.MailPostponedError):
        send(mail_id, box)
    box.refuses_with = None
    assert send(mail_id, box) is Verdict.SENT
    assert len(box.letters) == 1


@pytest.mark.parametrize("template", OF_A_WORKSPACE)
def test_what_a_workspace_tells_goes_to_its_member_alone(
    ids, plan, send, as_role, tenant_factory, template
):
    other, box = tenant_factory(), LetterBox()
    assert send(plan(template), box) is Verdict.SENT
    identity = as_role("identity")
    identity.execute("UPDATE users SET email_verified_at = NULL WHERE id = %s", (ids.user_id,))
    # The address may be anybody's: who registers says any.
    assert send(plan(template), box) is Verdict.DROPPED
    # Somebody else has verified the address meanwhile.
    identity.execute(
        "UPDATE users SET email = %s, email_verified_at = now() WHERE id = %s",
        (f"{ids.user_id}@example.com", other.user_id),
    )
    assert send(plan(template), box) is Verdict.DROPPED
    assert len(box.letters) == 1


def test_an_order_lets_an_address_take_mails_again(
    ids, plan, told, send, as_role, monkeypatch, lambda_context
):
    monkeypatch.setattr(grants, "database", lambda: SingleConnection(lambda: as_role("operations")))
    told(plan(Template.MAGIC_LINK), HARD)
    assert send(plan(Template.MAGIC_LINK)) is Verdict.SUPPRESSED
    order = {
        "action": "readmit",
        "email": f"{ids.user_id}@Example.com",
        "by": "ops@example.com",
        "reason": "the mailbox is back",
    }
    outcomes = [grants.handler(order, lambda_context)["outcome"] for _ in range(2)]
    assert outcomes == ["readmitted", "unchanged"]
    assert send(plan(Template.MAGIC_LINK)) is Verdict.SENT
    noted = (
        as_role("master")
        .execute(
            "SELECT ordered_by, reason, bounced_at IS NOT NULL, complained_at FROM readmissions"
            " WHERE address_hash = sha256(convert_to(%s, 'UTF8'))",
            (order["email"].lower(),),
        )
        .fetchall()
    )
    assert noted == [("ops@example.com", "the mailbox is back", True, None)]
