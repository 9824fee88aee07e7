"""Credentials in Secrets Manager and sessions in DynamoDB, each sealed for its creator."""

import json
from typing import Any
from uuid import UUID

from botocore.exceptions import ClientError

from huntaze import clients
from huntaze.crypto import Envelope
from huntaze.db import outside_of_transaction
from huntaze.domain import pushes
from huntaze.domain.browser_sessions import SessionStore
from huntaze.settings import Settings


class CredentialSettings(Settings):
    """Where the logins of creators are kept."""

    # Names of credentials start with this; the role may touch no other secret.
    credentials_prefix: str
    credentials_key_arn: str


class SessionSettings(Settings):
    """Where browser sessions are kept."""

    of_sessions_table: str
    sessions_key_arn: str


class CreatorCredentials:
    """The logins of creators."""

    def __init__(self, settings: CredentialSettings) -> None:
        self._settings = settings

    def secret_id(self, creator_id: UUID) -> str:
        """The name under which a creator's credentials lie."""
        return f"{self._settings.credentials_prefix}{creator_id}"

    def keep(self, creator_id: UUID, username: str, password: str) -> None:
        """Create or replace a creator's credentials."""
        text = json.dumps({"username": username, "password": password})
        with outside_of_transaction():
            _put(self.secret_id(creator_id), text, self._settings.credentials_key_arn)

    def forget(self, creator_id: UUID) -> None:
        """Delete a creator's credentials, at once and for good."""
        # What is written by then says that they are gone; it is asked for again if they are not.
        with outside_of_transaction(keep=True):
            _delete(self.secret_id(creator_id))


def _put(name: str, text: str, key_arn: str) -> None:
    secrets = clients.secrets()
    try:
        secrets.create_secret(Name=name, SecretString=text, KmsKeyId=key_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise
        secrets.put_secret_value(SecretId=name, SecretString=text)


def _delete(name: str) -> None:
    try:
        clients.secrets().delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


class CreatorSecrets:
    """The credentials and browser sessions of one workspace's creators."""

    def __init__(
        self, credentials: CredentialSettings, sessions: SessionSettings, workspace_id: UUID
    ) -> None:
        self._workspace_id = workspace_id
        self.credentials = CreatorCredentials(credentials)
        self._sessions = SessionStore(sessions.of_sessions_table, sessions.sessions_key_arn)

    def secret_id(self, creator_id: UUID) -> str:
        """The name under which a creator's credentials lie."""
        return self.credentials.secret_id(creator_id)

    def keep_session(self, creator_id: UUID, storage_state: dict[str, Any]) -> None:
        """Replace a creator's browser session."""
        with outside_of_transaction():
            self._sessions.save(self._workspace_id, creator_id, storage_state)

    def seal_webhook(self, creator_id: UUID, secret: str) -> Envelope:
        """Seal the secret with which a creator's platform signs."""
        return pushes.seal_secret(self._workspace_id, creator_id, secret)

    def forget(self, creator_id: UUID) -> None:
        """Delete credentials and session, at once and for good."""
        self.credentials.forget(creator_id)
        with outside_of_transaction(keep=True):
            self._sessions.forget(creator_id)
