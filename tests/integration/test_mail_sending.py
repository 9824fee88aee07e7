"""The sender of mails: each row once, whatever dies on the way; and what SES is told."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from functions.notifications import service
from functions.notifications.mailer import handler as mailer
from functions.notifications.rendering import render
from functions.notifications.repository import PostgresMails
from functions.notifications.service import MOST_ATTEMPTS, MailRefusedError, Verdict
from functions.notifications.sweep import handler as sweep
from huntaze import clients
from huntaze.db import Connection, SingleConnection
from huntaze.domain import mails
from huntaze.domain.mails import Template
from huntaze.ids import new_id
from huntaze.settings import load
from tests.fakes.auth_door import ORIGIN, LetterBox

NOW = datetime.now(UTC)


@pytest.fixture
def store(as_role: Callable[[str], Connection]) -> PostgresMails:
    return PostgresMails(SingleConnection(lambda: as_role("mailer")))


@pytest.fixture
def office(store) -> Callable[..., service.Office]:
    def make(box: Any) -> service.Office:
        return service.Office(store, box, render, ORIGIN, lambda: new_id().hex * 2)

    return make


@pytest.fixture
def plan(tenant_factory, as_role) -> Callable[..., UUID]:
    """Store a mail to the owner of a new workspace."""

    def make(template: Template = Template.MAGIC_LINK) -> UUID:
        ids = tenant_factory()
        return mails.add(as_role("identity"), template, user_id=ids.user_id)

    return make


@pytest.fixture
def row(as_role) -> Callable[[UUID], tuple[Any, ...]]:
    def read(mail_id: UUID) -> tuple[Any, ...]:
        query = "SELECT state, attempts, ses_message_id, outcome FROM mails WHERE id = %s"
        found = as_role("master").execute(query, (mail_id,)).fetchone()
        assert found is not None
        return found

    return read


@pytest.fixture
def expire(as_role) -> Callable[[UUID], None]:
    """Let the lease of a mail be over."""

    def make(mail_id: UUID) -> None:
        as_role("master").execute(
            "UPDATE mails SET leased_until = clock_timestamp() - interval '1 s',"
            " created_at = created_at - interval '1 hour' WHERE id = %s",
            (mail_id,),
        )

    return make


def test_a_mail_is_sent_once_however_often_it_is_queued(plan, office, row):
    box, mail_id = LetterBox(), plan()
    verdicts = [service.deliver(mail_id, office(box), now=NOW) for _ in range(3)]
    assert verdicts == [Verdict.SENT, Verdict.NOT_OURS, Verdict.NOT_OURS]
    assert len(box.letters) == 1
    assert row(mail_id) == ("sent", 1, f"ses-{mail_id}", None)


def test_of_many_senders_one_sends(plan, as_role):
    box, mail_id = LetterBox(), plan()

    def send(_: int) -> Verdict:
        with as_role("mailer") as connection:
            store = PostgresMails(SingleConnection(lambda: connection))
            mine = service.Office(store, box, render, ORIGIN, lambda: new_id().hex)
            return service.deliver(mail_id, mine, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(send, range(16)))
    assert verdicts.count(Verdict.SENT) == len(box.letters) == 1


def test_a_sender_that_died_is_followed_by_another_but_not_at_once(plan, office, expire, row):
    box, mail_id = LetterBox(), plan()
    box.refuses_with = ReadTimeoutError(endpoint_url="https://email")
    with pytest.raises(ReadTimeoutError):
        service.deliver(mail_id, office(box), now=NOW)
    box.refuses_with = None
    assert service.deliver(mail_id, office(box), now=NOW) is Verdict.NOT_OURS
    expire(mail_id)
    assert service.deliver(mail_id, office(box), now=NOW) is Verdict.SENT
    assert row(mail_id)[:2] == ("sent", 2)


def test_what_ses_will_never_take_is_not_tried_again(plan, office, expire, row):
    box, mail_id = LetterBox(), plan()
    box.refuses_with = MailRefusedError("MessageRejected")
    assert service.deliver(mail_id, office(box), now=NOW) is Verdict.FAILED
    expire(mail_id)
    assert service.deliver(mail_id, office(box), now=NOW) is Verdict.NOT_OURS
    assert row(mail_id) == ("failed", 1, None, "MessageRejected")


def test_hopeless_mails_are_given_up(plan, office, store, expire, row):
    box, mail_id = LetterBox(), plan()
    box.refuses_with = OSError("no network")
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(OSError, match="no network"):
            service.deliver(mail_id, office(box), now=NOW)
        expire(mail_id)
    assert service.deliver(mail_id, office(box), now=NOW) is Verdict.NOT_OURS
    assert mail_id not in store.lost(timedelta(minutes=1), MOST_ATTEMPTS, 500)
    assert row(mail_id)[0] == "failed"


def test_the_sweep_queues_what_the_queue_has_lost(plan, as_role, expire, monkeypatch):
    young, old = plan(), plan()
    expire(old)
    queued: list[UUID] = []
    monkeypatch.setattr(sweep, "enqueue", lambda ids: queued.extend(ids) or len(queued))
    monkeypatch.setattr(sweep, "database", lambda: SingleConnection(lambda: as_role("mailer")))
    sweep.handler({}, None)
    assert old in queued
    assert young not in queued


def test_the_sender_sees_no_password_and_opens_no_session(as_role):
    connection = as_role("mailer")
    for table in ("sessions", "refresh_tokens", "members", "fans", "login_attempts"):
        assert connection.execute(
            "SELECT has_table_privilege('mailer', %s, 'SELECT, INSERT, UPDATE, DELETE')", (table,)
        ).fetchone() == (False,)
    assert connection.execute(
        "SELECT has_column_privilege('mailer', 'users', 'password_hash', 'SELECT')"
    ).fetchone() == (False,)


class Recorder:
    """SES, as boto3 calls it."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.refuses = False

    def send_email(self, **call: Any) -> dict[str, str]:
        """Note a call."""
        self.calls.append(call)
        if self.refuses:
            raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "SendEmail")
        return {"MessageId": f"id-{new_id()}"}


@pytest.fixture
def ses(as_role, monkeypatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(clients, "mail", lambda: recorder)
    monkeypatch.setattr(mailer, "database", lambda: SingleConnection(lambda: as_role("mailer")))
    monkeypatch.setenv("MAIL_SENDER", "Huntaze <no-reply@example.com>")
    monkeypatch.setenv("APP_URL", ORIGIN)
    monkeypatch.setenv("MAIL_CONFIGURATION_SET", "events")
    load.cache_clear()
    yield recorder
    load.cache_clear()


def _event(*mail_ids: object) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{number}", "body": json.dumps({"mail_id": str(mail_id)})}
            for number, mail_id in enumerate(mail_ids)
        ]
    }


def test_ses_gets_both_forms_the_logo_and_the_id_of_the_mail(plan, ses, lambda_context):
    mail_id = plan()
    assert mailer.handler(_event(mail_id), lambda_context) == {"batchItemFailures": []}
    (call,) = ses.calls
    simple = call["Content"]["Simple"]
    assert set(simple["Body"]) == {"Text", "Html"}
    assert f"cid:{simple['Attachments'][0]['ContentId']}" in simple["Body"]["Html"]["Data"]
    assert call["EmailTags"] == [{"Name": "mail_id", "Value": str(mail_id)}]
    assert call["ConfigurationSetName"] == "events"


def test_one_bad_message_of_a_batch_comes_back_alone(plan, ses, lambda_context):
    good = plan()
    answer = mailer.handler(_event("no id", good), lambda_context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(ses.calls) == 1


def test_a_busy_ses_is_asked_again_later(plan, ses, lambda_context, capsys):
    ses.refuses = True
    answer = mailer.handler(_event(plan()), lambda_context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    # Neither the address nor the link gets into the log.
    logged = capsys.readouterr().out
    assert "@example.com" not in logged
    assert "token=" not in logged
