"""What migrating needs of AWS: secrets, and the answer that CloudFormation waits for."""

import json
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import psycopg

from functions.migrate.service import RoleSecretError
from huntaze import clients
from huntaze.db import Connection

_ANSWER_SECONDS = 20


def connect_as_master(secret_arn: str) -> Connection:
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


def waits_for_answer(event: dict[str, Any]) -> bool:
    """Whether CloudFormation itself called; CDK's provider puts ``...`` in place of the address."""
    return urlsplit(event.get("ResponseURL", "")).scheme in ("http", "https")


def answer(event: dict[str, Any], result: dict[str, Any], *, failure: str | None = None) -> None:
    """Tell CloudFormation how the request of ``event`` ended."""
    body = {
        "Status": "SUCCESS" if failure is None else "FAILED",
        "Reason": failure or "The schema is up to date.",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        **result,
    }
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        # The address was signed without a type; urllib would add one.
        headers={"Content-Type": ""},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS):  # noqa: S310
        pass
