"""Rules of accepting an invitation: the link proves the address, and the address is a person."""

import hashlib
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.auth import links, passwords, service
from functions.auth.models import AcceptedInvitation, Grant, Member, User
from huntaze.errors import InvalidInputError
from huntaze.ids import new_id


class Offer(NamedTuple):
    """A living invitation, held until the end of the transaction."""

    workspace_id: UUID
    id: UUID
    email: str
    role: str
    creators: list[UUID] | None


class Invitations(links.Links, Protocol):
    """Where accounts and invitations are kept."""

    def take_invitation(self, token_hash: bytes, now: datetime) -> Offer | None:
        """Use a living invitation; None when it is none."""
        ...

    def find_user(self, email: str) -> User | None:
        """Find whose address it is, or who came with it last, and hold them."""
        ...

    def add_user(self, user: User, password_hash: str, language: str, now: datetime) -> None:
        """Add a person whose address is verified.

        Raises:
            EmailTakenError: Somebody else has verified it meanwhile.
        """
        ...

    def join(self, offer: Offer, user_id: UUID) -> Member:
        """Let a person be a member; who is one already stays what they are.

        Raises:
            PaymentRequiredError: The plan has no room.
        """
        ...


def accept(
    body: AcceptedInvitation,
    store: Invitations,
    *,
    client: service.Client,
    language: str,
    now: datetime,
) -> Grant:
    """Let who has got the mail join, and log them in to the workspace.

    Raises:
        LinkOverError: The link is not good.
        InvalidInputError: There is no account yet, and no name or password for one.
        EmailTakenError: Somebody has verified the address at this moment.
        PaymentRequiredError: The workspace's plan has no room.
    """
    password_hash = passwords.make_hash(body.password) if body.password else None
    with store.transaction():
        token_hash = hashlib.sha256(body.token.encode(errors="replace")).digest()
        offer = store.take_invitation(token_hash, now)
        if offer is None:
            raise links.LinkOverError(
                "The invitation was used, withdrawn or replaced, or is over; ask for another."
            )
        user = store.find_user(offer.email)
        if user is None or not user.email_verified:
            user = _become(user, body, password_hash, offer, store, language, now)
        member = store.join(offer, user.id)
        return service.open_session(member, store, client=client, now=now)


def _become(
    user: User | None,
    body: AcceptedInvitation,
    password_hash: str | None,
    offer: Offer,
    store: Invitations,
    language: str,
    now: datetime,
) -> User:
    """Make the address's account, or give the unproven one to who has got the mail."""
    name = body.name or (user.name if user else None)
    if password_hash is None or body.password is None or name is None:
        missing = {
            field: "needed for a new account"
            for field, value in (("name", name), ("password", password_hash))
            if value is None
        }
        raise InvalidInputError("Choose a name and a password for your account.", fields=missing)
    if why := passwords.personal(body.password, offer.email, name):
        raise InvalidInputError("Choose another password.", fields={"password": why})
    if user is None:
        user = User(id=new_id(), email=offer.email, name=name, email_verified=True)
        store.add_user(user, password_hash, language, now)
        return user
    # Whoever registered may not be who reads this mail: their password, links and sessions end.
    if not store.verify_address(user.id, now):
        raise service.EmailTakenError("The address was verified just now; follow the link again.")
    store.replace_password_hash(user.id, password_hash)
    store.revoke_all_sessions(user.id, now)
    store.end_links(user.id)
    return user
