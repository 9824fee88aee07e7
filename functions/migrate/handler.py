"""Custom resource: CloudFormation waits for the schema before it deploys what needs it."""

import logging
from pathlib import Path
from typing import Any

import psycopg
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.migrate import gateway, service
from functions.migrate.models import Outcome
from functions.migrate.repository import PostgresSchema, read_migrations
from functions.migrate.settings import MigrateSettings
from huntaze import custom_resource
from huntaze.db import connect_as_owner
from huntaze.entry import entry
from huntaze.settings import load

# Beside the packages: at the root of the repository and of the function's zip alike.
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
# One schema a database: a changed id would make CloudFormation delete the old one.
_RESOURCE_ID = "huntaze-schema"

log = logging.getLogger(__name__)


class MigrationFailedError(Exception):
    """A migration was not applied; the text is what Postgres says of it."""


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Migrate on create and update; deleting the resource leaves the data alone."""
    return custom_resource.respond(event, _resource, resource_id=_RESOURCE_ID)


def _resource(event: dict[str, Any]) -> dict[str, Any]:
    if event["RequestType"] == "Delete":
        return {"PhysicalResourceId": event["PhysicalResourceId"], "Data": {}}
    try:
        outcome = _migrate()
    except psycopg.Error as error:
        # Without the details of Postgres, which may quote a row.
        reason = error.diag.message_primary or "the database does not answer"
        raise MigrationFailedError(f"{type(error).__name__}: {reason}") from error
    # Attributes of a custom resource are text.
    data = {"applied": ",".join(outcome.applied), "roles": ",".join(outcome.roles)}
    return {"PhysicalResourceId": _RESOURCE_ID, "Data": data}


def _migrate() -> Outcome:
    settings = load(MigrateSettings)
    passwords = gateway.role_passwords(settings.role_secret_arns)
    secret_arn, encryption = settings.master_secret_arn, settings.database_tls
    with connect_as_owner(secret_arn, encryption, name="huntaze-migrate") as connection:
        schema = PostgresSchema(connection)
        outcome = service.bring_up_to_date(
            schema, read_migrations(MIGRATIONS), passwords, settings.database_identity
        )
        # A rotation that went on meanwhile must not be undone.
        latest = gateway.role_passwords(settings.role_secret_arns)
        if latest != passwords:
            schema.set_passwords(latest)
    log.info("the schema is up to date", extra=outcome.model_dump())
    return outcome
