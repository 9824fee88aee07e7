"""Door of Secrets Manager: one invocation is one step of the rotation of one secret."""

import logging
import secrets
import string
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.role_passwords import service
from functions.role_passwords.gateway import ManagedSecret
from functions.role_passwords.models import RotationRequest
from functions.role_passwords.repository import PostgresServer
from functions.role_passwords.service import NotOursError
from functions.role_passwords.settings import RolePasswordsSettings
from huntaze.db import connect_as_owner, tls
from huntaze.entry import entry
from huntaze.settings import load

_ALPHABET = string.ascii_letters + string.digits

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Do the step that Secrets Manager names."""
    request = RotationRequest.model_validate(event)
    settings = load(RolePasswordsSettings)
    roles = {arn: role for role, arn in settings.role_secret_arns.items()}
    role = roles.get(request.secret_arn)
    if role is None:
        raise NotOursError("This function rotates the passwords of the database's roles alone.")
    master = settings.master_secret_arn
    with connect_as_owner(master, settings.database_tls, name="huntaze-rotation") as owner:
        address = {"host": owner.info.host, "port": owner.info.port, "dbname": owner.info.dbname}
        service.rotate(
            request,
            ManagedSecret(request.secret_arn),
            PostgresServer(owner, {**address, **tls(settings.database_tls)}),
            role=role,
            make_password=_password,
        )
    log.info("a step of a rotation is done", extra={"role": role, "step": request.step.value})
    return {}


def _password(length: int) -> str:
    # Letters and digits only, as the first one: tools put it into addresses without escaping.
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
