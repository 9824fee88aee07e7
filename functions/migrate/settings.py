"""Settings of the migration."""

from typing import Literal

from pydantic import Json

from huntaze.settings import Settings


class MigrateSettings(Settings):
    """Where the secrets of the master user and of the roles are."""

    master_secret_arn: str
    database_tls: Literal["disable", "verify-full"]
    role_secret_arns: Json[dict[str, str]]
    # What only this database server is called; None where the stage has no name for it.
    database_identity: str | None = None
