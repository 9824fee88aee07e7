"""The secret of a role in Secrets Manager."""

import json

from functions.role_passwords.models import Login
from huntaze import clients


class ManagedSecret:
    """One secret with its versions.

    Args:
        arn: Which.
    """

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def current(self) -> Login:
        """What everyone reads now."""
        found = clients.secrets().get_secret_value(SecretId=self._arn, VersionStage="AWSCURRENT")
        return Login.model_validate_json(found["SecretString"])

    def pending(self, token: str) -> Login | None:
        """The version that is coming; None before it was made."""
        client = clients.secrets()
        versions = client.describe_secret(SecretId=self._arn).get("VersionIdsToStages", {})
        # Secrets Manager may make the version first, without a value; it then has no label.
        if not versions.get(token):
            return None
        try:
            found = client.get_secret_value(SecretId=self._arn, VersionId=token)
        except client.exceptions.ResourceNotFoundException:
            return None
        return Login.model_validate_json(found["SecretString"])

    def prepare(self, token: str, login: Login) -> None:
        """Store the version that is coming."""
        clients.secrets().put_secret_value(
            SecretId=self._arn,
            ClientRequestToken=token,
            SecretString=json.dumps(login.model_dump()),
            VersionStages=["AWSPENDING"],
        )

    def promote(self, token: str) -> None:
        """Let everyone read the version that was coming; once is as often."""
        client = clients.secrets()
        versions = client.describe_secret(SecretId=self._arn)["VersionIdsToStages"]
        (current,) = (one for one, stages in versions.items() if "AWSCURRENT" in stages)
        if current != token:
            client.update_secret_version_stage(
                SecretId=self._arn,
                VersionStage="AWSCURRENT",
                MoveToVersionId=token,
                RemoveFromVersionId=current,
            )
