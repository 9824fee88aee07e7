"""Mails to people who have an account: a row in the transaction of the cause, sent afterwards."""

import json
import logging
from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from uuid import UUID

from huntaze import correlation, queues
from huntaze.db import Connection, once_committed
from huntaze.ids import new_id
from huntaze.settings import Settings, load

log = logging.getLogger(__name__)


class MailQueueSettings(Settings):
    """Where the sender looks for work."""

    email_queue_url: str


class Template(StrEnum):
    """What a mail is about; each has its texts in ``functions/notifications/texts``."""

    VERIFY_EMAIL = "verify_email"
    MAGIC_LINK = "magic_link"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a mail
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a mail
    ACCOUNT_EXISTS = "account_exists"
    WELCOME = "welcome"
    INVITATION = "invitation"
    CREATOR_STOPPED = "creator_stopped"
    CAMPAIGN_AWAITING_APPROVAL = "campaign_awaiting_approval"
    CAMPAIGN_COMPLETED = "campaign_completed"
    CAMPAIGN_FAILED = "campaign_failed"
    CAMPAIGN_NOT_LAUNCHED = "campaign_not_launched"
    AUTOMATION_NOTIFIED = "automation_notified"
    CONVERSATION_HANDED_OVER = "conversation_handed_over"
    CONVERSATION_IN_DANGER = "conversation_in_danger"
    FAN_OPTED_OUT = "fan_opted_out"
    CHATBOT_HELD_UP = "chatbot_held_up"
    CHATBOT_GAVE_UP = "chatbot_gave_up"
    MESSAGE_WENT_WRONG = "message_went_wrong"
    MESSAGE_NOT_TAKEN_BACK = "message_not_taken_back"
    CONTENT_DUE = "content_due"
    IMPORT_COMPLETED = "import_completed"
    IMPORT_FAILED = "import_failed"
    MEMBER_JOINED = "member_joined"
    TRIAL_WILL_END = "trial_will_end"
    TRIAL_WILL_LAPSE = "trial_will_lapse"
    PLAN_ENDED = "plan_ended"
    PAYMENT_FAILED = "payment_failed"
    SUBSCRIBED_TWICE = "subscribed_twice"
    COST_ALERT = "cost_alert"
    DIGEST = "digest"
    EXPORT_READY = "export_ready"
    ERASURE_SCHEDULED = "erasure_scheduled"


# What members are told because of their preferences; each goes to its member and nobody else.
NOTICES = frozenset(
    {
        *(Template.CREATOR_STOPPED, Template.CAMPAIGN_AWAITING_APPROVAL),
        *(Template.CAMPAIGN_COMPLETED, Template.CAMPAIGN_FAILED),
        Template.CAMPAIGN_NOT_LAUNCHED,
        Template.AUTOMATION_NOTIFIED,
        *(Template.CONVERSATION_HANDED_OVER, Template.CONVERSATION_IN_DANGER),
        *(Template.FAN_OPTED_OUT, Template.CHATBOT_HELD_UP, Template.CHATBOT_GAVE_UP),
        *(Template.MESSAGE_WENT_WRONG, Template.MESSAGE_NOT_TAKEN_BACK),
        Template.CONTENT_DUE,
        *(Template.IMPORT_COMPLETED, Template.IMPORT_FAILED, Template.MEMBER_JOINED),
        *(Template.TRIAL_WILL_END, Template.PAYMENT_FAILED, Template.DIGEST),
        *(Template.TRIAL_WILL_LAPSE, Template.PLAN_ENDED),
        *(Template.SUBSCRIBED_TWICE, Template.COST_ALERT),
    }
)


def add(
    connection: Connection,
    template: Template,
    *,
    user_id: UUID | None = None,
    address: str | None = None,
    parameters: dict[str, str] | None = None,
) -> UUID:
    """Store a mail in the caller's transaction; :func:`send_soon` lets it go once that is over.

    Args:
        connection: Inside the transaction of the cause.
        template: What the mail is about.
        user_id: Whom it is for.
        address: Or: whoever has this address, if anybody has.
        parameters: What the texts name; never a secret, which the sender makes when it sends.
    """
    mail_id = new_id()
    connection.execute(
        "INSERT INTO mails (id, template, user_id, address, parameters)"
        " VALUES (%s, %s, %s, %s, %s)",
        (mail_id, template, user_id, address, json.dumps(parameters or {})),
    )
    return mail_id


def send_soon(mail_ids: Iterable[UUID]) -> None:
    """Tell the sender after the commit; the sweep of each minute finds what is lost here."""
    once_committed(partial(_send_soon, list(mail_ids)))


def _send_soon(mail_ids: list[UUID]) -> None:
    try:
        enqueue(mail_ids)
    except Exception:
        # The cause is committed: failing now would tell the caller that it is not.
        log.warning("mails were not queued", exc_info=True)


def enqueue(mail_ids: Iterable[UUID]) -> int:
    """Queue mails by their ids; return how many the queue took."""
    queue_url = load(MailQueueSettings).email_queue_url
    work = correlation.current()
    cause = {"correlation_id": str(work.correlation_id)} if work else {}
    return queues.put(queue_url, ({"mail_id": str(mail_id), **cause} for mail_id in mail_ids))
