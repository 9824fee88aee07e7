"""Rules of sending a mail: to whom, which one, with which link, and once."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.notifications.models import Letter, Link, Person, PlannedMail
from huntaze.domain.mails import NOTICES, Template

# A sender that is silent for longer has died; the function itself may take a third of it.
LEASE = timedelta(seconds=90)
MOST_ATTEMPTS = 5

_LINK_LIVES = {
    Template.VERIFY_EMAIL: timedelta(days=1),
    Template.MAGIC_LINK: timedelta(minutes=15),
    Template.RESET_PASSWORD: timedelta(minutes=30),
}
_PAGES = {
    Template.VERIFY_EMAIL: "/verify-email",
    Template.MAGIC_LINK: "/magic-link",
    Template.RESET_PASSWORD: "/reset-password",
    Template.PASSWORD_CHANGED: "/forgot-password",
    Template.ACCOUNT_EXISTS: "/login",
    Template.WELCOME: "/",
    Template.INVITATION: "/accept-invitation",
    **dict.fromkeys(NOTICES, "/notifications"),
    # Pages for who is logged in: these links open nothing by themselves.
    Template.EXPORT_READY: "/settings/export",
    Template.ERASURE_SCHEDULED: "/settings/account",
}
# Asked for by whoever reads the mailbox, or about who may enter their account: they go to an
# address from which somebody once called another mail unwanted, too.
_OF_AN_ACCOUNT = frozenset(
    {
        *(Template.VERIFY_EMAIL, Template.MAGIC_LINK, Template.RESET_PASSWORD),
        *(Template.PASSWORD_CHANGED, Template.ACCOUNT_EXISTS),
        *(Template.EXPORT_READY, Template.ERASURE_SCHEDULED),
    }
)
# What a workspace has to tell, some of it in its own words: to its member alone, at an address that
# is theirs. Whoever registers with a stranger's address must not write to the stranger.
_OF_A_WORKSPACE = NOTICES | {Template.EXPORT_READY, Template.ERASURE_SCHEDULED}


class MailRefusedError(Exception):
    """The mail service will never take this mail: sending it again changes nothing."""


class MailPostponedError(Exception):
    """The mail service has not taken this mail, and may do so later."""


class Trouble(StrEnum):
    """Why an address takes no mails."""

    # There is no such mailbox, or it takes nothing from us.
    BOUNCED = "bounced"
    # Somebody there has called a mail of ours unwanted.
    COMPLAINED = "complained"


class Verdict(StrEnum):
    """How one delivery ended."""

    SENT = "sent"
    DROPPED = "dropped"
    # The address takes none.
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    # Somebody else sends it, or has.
    NOT_OURS = "not_ours"


class MailStore(Protocol):
    """Where mails, people and links are kept."""

    def claim(self, mail_id: UUID, lease: timedelta, most_attempts: int) -> PlannedMail | None:
        """Take a mail for a while; None when it is settled or somebody has it."""
        ...

    def person(self, mail: PlannedMail) -> Person | None:
        """Find whom the mail is for: who has verified the address, or came with it last."""
        ...

    def trouble(self, address: str) -> Trouble | None:
        """Why an address takes no mails, the graver reason first; None when it takes them."""
        ...

    def add_link(self, link: Link) -> None:
        """Let a link be good from now on."""
        ...

    def renew_invitation(self, invitation_id: UUID, token_hash: bytes, now: datetime) -> bool:
        """Let a link of an invitation be good, and none before; False when it is not open."""
        ...

    def settle(self, mail: PlannedMail, verdict: Verdict, outcome: str | None) -> None:
        """Say how a claimed mail ended; ``outcome`` is the service's id of a sent one, or why."""
        ...

    def release(self, mail: PlannedMail) -> None:
        """Give a claimed mail back that certainly has not been sent."""
        ...


class Post(Protocol):
    """Who carries letters."""

    def send(self, letter: Letter, mail_id: UUID) -> str:
        """Hand a letter over and return the service's id of it.

        Raises:
            MailRefusedError: It will never be taken.
            MailPostponedError: It was not taken this time.
        """
        ...


class Office(NamedTuple):
    """What sending needs beside the mail."""

    store: MailStore
    post: Post
    # Subject, text and HTML of a template in a language, with what they name.
    render: Callable[[Template, str, dict[str, str]], tuple[str, str, str]]
    # Where the pages are that links lead to.
    app_url: str
    new_token: Callable[[], str]


def deliver(mail_id: UUID, office: Office, *, now: datetime) -> Verdict:
    """Send one mail that waits, unless there is nobody to send it to.

    Raises:
        MailPostponedError: It was not taken; it may be sent at once when it is tried again.
    """
    mail = office.store.claim(mail_id, LEASE, MOST_ATTEMPTS)
    if mail is None:
        return Verdict.NOT_OURS
    person = office.store.person(mail)
    trouble = _trouble(mail, person, office.store)
    if trouble is not None:
        office.store.settle(mail, Verdict.SUPPRESSED, trouble)
        return Verdict.SUPPRESSED
    letter = _letter(mail, person, office, now)
    if letter is None:
        office.store.settle(mail, Verdict.DROPPED, "nobody to send it to")
        return Verdict.DROPPED
    try:
        message_id = office.post.send(letter, mail.id)
    except MailRefusedError as error:
        office.store.settle(mail, Verdict.FAILED, str(error)[:200])
        return Verdict.FAILED
    except MailPostponedError:
        office.store.release(mail)
        raise
    office.store.settle(mail, Verdict.SENT, message_id)
    return Verdict.SENT


def _trouble(mail: PlannedMail, person: Person | None, store: MailStore) -> Trouble | None:
    address = person.email if person else mail.address
    trouble = store.trouble(address) if address else None
    return trouble if trouble and forbids(trouble, mail.template) else None


def forbids(trouble: Trouble, template: Template) -> bool:
    """Whether a mail stays unsent because of what its address has done to others.

    A mailbox that is not there gets nothing: mails into the void cost the sender's good name, and
    help nobody. Who complained still gets what their account needs.
    """
    return trouble is Trouble.BOUNCED or template not in _OF_AN_ACCOUNT


def _letter(
    mail: PlannedMail, person: Person | None, office: Office, now: datetime
) -> Letter | None:
    if mail.template is Template.INVITATION:
        return _invite(mail, person, office, now)
    template = choose(mail.template, mail, person)
    if person is None or template is None:
        return None
    return _write(template, mail, person, office, now)


def _invite(
    mail: PlannedMail, person: Person | None, office: Office, now: datetime
) -> Letter | None:
    """Write to an address, whether or not it has an account; None when nobody is invited now."""
    address, token = mail.address, office.new_token()
    invitation_id = UUID(mail.parameters["invitation_id"])
    if not address or not office.store.renew_invitation(invitation_id, hash_of(token), now):
        return None
    url = f"{office.app_url}{_PAGES[Template.INVITATION]}#token={token}"
    facts = {**mail.parameters, "email": address, "url": url}
    language = person.language if person else mail.parameters["language"]
    return Letter(address, *office.render(Template.INVITATION, language, facts))


def choose(template: Template, mail: PlannedMail, person: Person | None) -> Template | None:
    """Which mail the person gets instead of the one that was asked for; None is none at all."""
    if person is None:
        return None
    if template in _OF_A_WORKSPACE:
        return template if person.verified and person.id == mail.user_id else None
    if template is not Template.VERIFY_EMAIL or not person.verified:
        return template
    # Asked for by somebody who registered with an address that its owner has verified long ago.
    return Template.ACCOUNT_EXISTS if mail.user_id != person.id else None


def _write(
    template: Template, mail: PlannedMail, person: Person, office: Office, now: datetime
) -> Letter:
    url = office.app_url + _PAGES[template]
    if life := _LINK_LIVES.get(template):
        token = office.new_token()
        office.store.add_link(
            Link(template.value, person.id, person.email, hash_of(token), now, now + life)
        )
        # Behind the #, so that it gets into no log on the way to the page.
        url += f"#token={token}"
    if template is Template.EXPORT_READY:
        url += f"#export={mail.parameters['export_id']}"
    facts = {**mail.parameters, "name": person.name, "email": person.email, "url": url}
    subject, text, html = office.render(template, person.language, facts)
    return Letter(person.email, subject, text, html)


def hash_of(token: str) -> bytes:
    """What is stored of a link's token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).digest()
