"""What migrating needs of AWS: the secrets of the database's roles."""

from functions.migrate.service import RoleSecretError
from huntaze import clients


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
