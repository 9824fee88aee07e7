"""The database server, as its owner and as the role whose password changes."""

from typing import Any

import psycopg
from psycopg import sql

from functions.role_passwords.models import Login
from huntaze.db import Connection


class PostgresServer:
    """The server of the stage.

    Args:
        owner: A connection as the owner of the database, in autocommit; not through a proxy.
        address: Where the owner's connection goes, without user and password.
    """

    def __init__(self, owner: Connection, address: dict[str, Any]) -> None:
        self._owner = owner
        self._address = address

    def set_password(self, login: Login) -> None:
        """Give a role its password."""
        # Hashed here: a statement may be logged by the server.
        verifier = self._owner.pgconn.encrypt_password(
            login.password.encode(), login.username.encode(), b"scram-sha-256"
        ).decode()
        self._owner.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(login.username), sql.Literal(verifier)
            )
        )

    def try_login(self, login: Login) -> None:
        """Log in as the role and ask something.

        Raises:
            psycopg.OperationalError: The server does not let it in.
        """
        with psycopg.connect(
            user=login.username, password=login.password, connect_timeout=10, **self._address
        ) as connection:
            connection.execute("SELECT 1")
