"""Settings of the rotation."""

from typing import Literal

from pydantic import Json

from huntaze.settings import Settings


class RolePasswordsSettings(Settings):
    """Who owns the database, and whose secrets may be rotated."""

    master_secret_arn: str
    database_tls: Literal["disable", "verify-full"]
    role_secret_arns: Json[dict[str, str]]
