"""Configurations in Postgres; the writing is the domain's."""

from uuid import UUID

from functions.assistant.config.models import Config
from huntaze.db import Tenant
from huntaze.domain import ai_configs
from huntaze.domain.ai_configs import AiConfigDraft
from huntaze.domain.creators import resolve_creator


class PostgresConfigs:
    """The configurations of one workspace, as far as the caller may see its creators."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def resolve(self, creator_id: UUID | None) -> UUID:
        """The creator that is meant."""
        with self._tenant.transaction() as connection:
            return resolve_creator(connection, creator_id)

    def platform(self, creator_id: UUID) -> str:
        """A creator's platform."""
        with self._tenant.transaction() as connection:
            (platform,) = connection.execute(
                "SELECT platform FROM creators WHERE id = %s", (creator_id,)
            ).fetchone() or ("",)
        return str(platform)

    def find(self, creator_id: UUID) -> Config | None:
        """A creator's configuration."""
        with self._tenant.transaction() as connection:
            found = ai_configs.read(connection, creator_id)
            return Config.of(found, self.platform(creator_id)) if found else None

    def save(
        self, creator_id: UUID, draft: AiConfigDraft, *, auto_send: bool | None, new: bool
    ) -> bool:
        """Write a configuration; False when it should be new and is not."""
        with self._tenant.transaction() as connection:
            # Two that make a new one at once must not both believe that theirs is it.
            connection.execute(
                "SELECT FROM creators WHERE id = %s FOR NO KEY UPDATE", (creator_id,)
            )
            if new and ai_configs.read(connection, creator_id) is not None:
                return False
            ai_configs.save(connection, creator_id, draft, by=self._caller)
            if auto_send is not None:
                ai_configs.set_auto_send(connection, creator_id, on=auto_send, by=self._caller)
        return True
