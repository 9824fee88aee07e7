"""What migrating needs of AWS: the secrets of the database's roles."""

from typing import Literal

import psycopg

from functions.migrate.service import RoleSecretError
from huntaze import clients
from huntaze.db import Connection, tls


def connect_as_master(secret_arn: str, encryption: Literal["disable", "verify-full"]) -> Connection:
    """Open a connection as the owner of the database; not through the proxy."""
    secret = clients.secret_json(secret_arn)
    return psycopg.connect(
        host=secret["host"],
        port=int(secret["port"]),
        dbname=secret["dbname"],
        user=secret["username"],
        password=secret["password"],
        autocommit=True,
        connect_timeout=10,
        application_name="huntaze-migrate",
        # The server bounds what functions ask; filling a new column may take longer.
        options="-c statement_timeout=0",
        **tls(encryption),
    )


def role_passwords(secret_arns: dict[str, str]) -> dict[str, str]:
    """Read each role's password from its secret.

    Raises:
        RoleSecretError: A secret is another role's: its function would log in as that one.
    """
    passwords = {}
    for role, arn in secret_arns.items():
        secret = clients.secret_json(arn)
        if secret["username"] != role:
            raise RoleSecretError(f"The secret of role {role} names {secret['username']}.")
        passwords[role] = secret["password"]
    return passwords
