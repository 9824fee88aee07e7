"""What SES tells of a mail, as far as it is looked at.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Told(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class MailFacts(_Told):
    """The mail that an event is about."""

    timestamp: datetime
    destination: list[str]
    tags: dict[str, list[str]] = {}


class Bounce(_Told):
    """A mail came back."""

    timestamp: datetime
    bounce_type: str
    bounce_sub_type: str


class Complaint(_Told):
    """Somebody called a mail unwanted, or took that back."""

    timestamp: datetime
    complaint_feedback_type: str | None = None


class Delivery(_Told):
    """A mailbox has taken a mail."""

    timestamp: datetime


class DeliveryDelay(_Told):
    """A mail is still on its way."""

    timestamp: datetime
    delay_type: str


class Reject(_Told):
    """SES did not send a mail that it had taken."""

    reason: str


class SesEvent(_Told):
    """One thing that SES tells of one mail."""

    event_type: str
    mail: MailFacts
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    delivery: Delivery | None = None
    delivery_delay: DeliveryDelay | None = None
    reject: Reject | None = None


class Fate(StrEnum):
    """What became of a mail; a later one in this list outweighs an earlier one."""

    DELAYED = "delayed"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Outcome(NamedTuple):
    """What an event says.

    Args:
        mail_id: Our own row; None when the mail was not tagged.
        fate: What became of it.
        detail: Why, in SES's words.
        at: When.
        address: Whom it was for.
        ends: Whether the address takes no more mails from now on.
    """

    mail_id: UUID | None
    fate: Fate
    detail: str
    at: datetime
    address: str | None
    ends: bool
