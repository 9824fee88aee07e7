"""The key that stands for a fan where its platform id must not: in suppressions, after erasure."""

import hmac
from uuid import UUID

from huntaze.db import Connection


class Keyring:
    """Makes the platform keys of one creator.

    Args:
        secret: The workspace's suppression key; without it nobody can tell whose a key is.
        creator_id: Whose fans these are.
    """

    def __init__(self, secret: bytes, creator_id: UUID) -> None:
        self._secret = secret
        self._creator = creator_id.bytes

    def platform_key(self, platform_id: str) -> bytes:
        """Return the key of a fan of this creator."""
        return hmac.digest(self._secret, self._creator + platform_id.encode(), "sha256")


def keyring(connection: Connection, creator_id: UUID) -> Keyring:
    """Read the secret of the transaction's workspace."""
    row = connection.execute("SELECT suppression_key FROM workspaces").fetchone()
    if row is None:
        raise LookupError("the transaction belongs to no workspace")
    return Keyring(bytes(row[0]), creator_id)
