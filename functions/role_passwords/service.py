"""Rules of replacing a password: there is a new one, the server knows it, it works, all read it.

Open connections live on; a new one that meets the moment between the server's change and the
secret's reads the secret again (see ``huntaze.db``). A step may be repeated: it ends the same.
"""

from collections.abc import Callable
from typing import Protocol

from functions.role_passwords.models import Login, RotationRequest, Step

# As the secrets are generated at deploy.
LENGTH = 40


class NotOursError(Exception):
    """The secret is none of those that this function may rotate."""


class LoginSecret(Protocol):
    """The secret of one role, with the version that is current and the one that is coming."""

    def current(self) -> Login:
        """What everyone reads now."""
        ...

    def pending(self, token: str) -> Login | None:
        """The version that is coming; None before it was made."""
        ...

    def prepare(self, token: str, login: Login) -> None:
        """Store the version that is coming."""
        ...

    def promote(self, token: str) -> None:
        """Let everyone read the version that was coming; once is as often."""
        ...


class Server(Protocol):
    """The database server, as its owner and as a role."""

    def set_password(self, login: Login) -> None:
        """Give a role its password."""
        ...

    def try_login(self, login: Login) -> None:
        """Log in as the role and ask something.

        Raises:
            psycopg.OperationalError: The server does not let it in.
        """
        ...


def rotate(
    request: RotationRequest,
    secret: LoginSecret,
    server: Server,
    *,
    role: str,
    make_password: Callable[[int], str],
) -> None:
    """Do one step of a rotation.

    Raises:
        NotOursError: The secret names another role than the one that it is known for.
    """
    if secret.current().username != role:
        raise NotOursError(f"The secret of {role} names {secret.current().username}.")
    if request.step is Step.CREATE:
        if secret.pending(request.token) is None:
            secret.prepare(request.token, Login(username=role, password=make_password(LENGTH)))
        return
    login = secret.pending(request.token)
    if login is None:
        raise NotOursError("There is no new password to go on with; begin the rotation again.")
    if request.step is Step.SET:
        server.set_password(login)
    elif request.step is Step.TEST:
        server.try_login(login)
    else:
        secret.promote(request.token)
        # A deployment that ran meanwhile has set the old one again.
        server.set_password(login)
