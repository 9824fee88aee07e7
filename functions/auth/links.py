"""Rules of mailed links: what they prove, and what becomes of an account that was not proven."""

import hashlib
from datetime import datetime
from typing import Protocol
from uuid import UUID

from functions.auth import passwords, service, throttle
from functions.auth.models import Account, Grant, User
from huntaze.domain.mails import Template
from huntaze.errors import BadRequestError, InvalidInputError


class LinkOverError(BadRequestError):
    """The link was used, is over, or is none of ours."""


class Links(service.Accounts, Protocol):
    """Where accounts are kept, and the links that were mailed to them."""

    def take_link(self, token_hash: bytes, purpose: Template, now: datetime) -> User | None:
        """Use a living link, and with it all others of the person for the same purpose."""
        ...

    def verify_address(self, user_id: UUID, now: datetime) -> bool:
        """Let a person have their address; False when somebody else has verified it."""
        ...

    def revoke_all_sessions(self, user_id: UUID, now: datetime) -> None:
        """End every session of a user."""
        ...

    def end_links(self, user_id: UUID) -> None:
        """Let no link of a user be good any more."""
        ...

    def find_by_user(self, user_id: UUID) -> Account | None:
        """Find a person in their oldest workspace, or an operator who is in none."""
        ...


def ask_for(
    template: Template, email: str, links: Links, *, client: service.Client, now: datetime
) -> None:
    """Mail a link to whoever has the address. What is done and said here is always the same.

    Raises:
        TooManyRequestsError: The address or the network has asked for too many.
    """
    with links.transaction():
        delay = links.delay(f"mail to {email}", throttle.MAILS_TO_ADDRESS, now)
        if client.network:
            subject = f"mails from {client.network}"
            delay = max(delay, links.delay(subject, throttle.MAILS_FROM_NETWORK, now))
        throttle.refuse(delay, "Too many mails were asked for; look into the inbox first.")
        mail_id = links.add_mail(template, address=email)
    links.send_soon(mail_id)


def verify_email(token: str, links: Links, *, now: datetime) -> User:
    """Let somebody have the address that their link went to.

    Raises:
        LinkOverError: The link is not good.
        EmailTakenError: Somebody else has verified the address meanwhile.
    """
    with links.transaction():
        user = _take(token, Template.VERIFY_EMAIL, links, now)
        _verify(user, links, now)
        mail_id = links.add_mail(Template.WELCOME, user_id=user.id)
    links.send_soon(mail_id)
    return user.model_copy(update={"email_verified": True})


def reset_password(token: str, password: str, links: Links, *, now: datetime) -> None:
    """Give an account a new password and end all of its sessions.

    Raises:
        LinkOverError: The link is not good.
        InvalidInputError: The password says too much of its owner.
        EmailTakenError: Somebody else has verified the address meanwhile.
    """
    password_hash = passwords.make_hash(password)
    with links.transaction():
        user = _take(token, Template.RESET_PASSWORD, links, now)
        if why := passwords.personal(password, user.email, user.name):
            raise InvalidInputError("Choose another password.", fields={"password": why})
        if not user.email_verified:
            _verify(user, links, now)
        links.replace_password_hash(user.id, password_hash)
        links.revoke_all_sessions(user.id, now)
        links.end_links(user.id)
        mail_id = links.add_mail(Template.PASSWORD_CHANGED, user_id=user.id)
    links.send_soon(mail_id)


def log_in_by_link(token: str, links: Links, *, client: service.Client, now: datetime) -> Grant:
    """Open a session for who has got a login link.

    Raises:
        LinkOverError: The link is not good.
        EmailTakenError: Somebody else has verified the address meanwhile.
    """
    with links.transaction():
        user = _take(token, Template.MAGIC_LINK, links, now)
        if not user.email_verified:
            _verify(user, links, now)
            # Whoever registered may not be who reads this mail: their password and sessions end.
            links.replace_password_hash(user.id, None)
            links.revoke_all_sessions(user.id, now)
        member = links.find_by_user(user.id)
        if member is None:
            raise LinkOverError("The account has no workspace any more.")
        return service.open_session(member, links, client=client, now=now)


def _take(token: str, purpose: Template, links: Links, now: datetime) -> User:
    token_hash = hashlib.sha256(token.encode(errors="replace")).digest()
    user = links.take_link(token_hash, purpose, now)
    if user is None:
        raise LinkOverError("The link was used, is over, or is not whole; ask for another.")
    return user


def _verify(user: User, links: Links, now: datetime) -> None:
    if not links.verify_address(user.id, now):
        raise service.EmailTakenError("This address belongs to another account; log in there.")
