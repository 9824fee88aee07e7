"""Connecting a creator's account: consent first, secrets out of the database, then the worker."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from huntaze.db import Tenant
from huntaze.domain.connections import records
from huntaze.domain.connections.secrets import CreatorCredentials
from huntaze.errors import InvalidInputError


class ConsentMissingError(InvalidInputError):
    """The creator has not agreed that a browser acts in their account."""


class Credentials(BaseModel):
    """The login of a creator's own account, and the consent to use it."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=500)]
    consent: bool = Field(
        description="The creator agrees that a browser acts in their account; see compliance.md."
    )


def connect(
    tenant: Tenant,
    secrets: CreatorCredentials,
    creator_id: UUID,
    credentials: Credentials,
    *,
    by: UUID,
) -> UUID:
    """Keep the credentials and order the worker to log in; the caller wakes the lane.

    Returns:
        The id of the order.

    Raises:
        ConsentMissingError: Consent is not given.
    """
    require_consent(given=credentials.consent)
    password = credentials.password.get_secret_value()
    secrets.keep(creator_id, credentials.username, password)
    with tenant.transaction() as connection:
        records.consent(connection, creator_id, by=by)
        records.begin_again(connection, creator_id)
        payload = {"secret_id": secrets.secret_id(creator_id)}
        return records.order(connection, tenant, creator_id, "connect", payload, by=by)


def require_consent(*, given: bool) -> None:
    """Refuse to go on without the creator's consent.

    Raises:
        ConsentMissingError: It is not given.
    """
    if not given:
        raise ConsentMissingError(
            "Connecting needs the creator's consent to a browser acting in their account:"
            " set consent to true once they have given it."
        )
