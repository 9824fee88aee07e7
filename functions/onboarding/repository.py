"""Onboarding in Postgres: whether a step is done is read from what the step has written."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from functions.onboarding.models import Onboarding, PlatformConnection, PlatformDraft
from functions.onboarding.service import missing
from huntaze import outbox
from huntaze.db import Connection, Tenant
from huntaze.domain import ai_configs, audit, connections, profiles
from huntaze.domain.ai_configs import AiConfigDraft
from huntaze.domain.connections.secrets import CreatorCredentials
from huntaze.domain.creators import accounts
from huntaze.domain.creators.accounts import CreatorDraft
from huntaze.domain.profiles import ProfileDraft
from huntaze.platforms.limits import LaneLimits

_CREDENTIALS = set(connections.Credentials.model_fields)


class PostgresOnboarding:
    """The onboarding of one workspace, done by one member."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def read(self) -> Onboarding:
        """Tell how far it has come."""
        with self._tenant.transaction() as connection:
            creator_id, completed_at = self._row(connection)
            profile = profiles.read(connection, self._caller)
            config = ai_configs.read(connection, _written_for(connection, creator_id))
            platform = _connection_of(connection, creator_id) if creator_id else None
        return Onboarding(
            profile=profile,
            ai_config=config,
            platform=platform,
            missing=missing(
                profile=profile is not None,
                ai_config=config is not None,
                platform=platform is not None,
            ),
            completed_at=completed_at,
        )

    def save_profile(self, draft: ProfileDraft) -> None:
        """Write the member's profile."""
        with self._tenant.transaction() as connection:
            profiles.save(connection, self._caller, draft)

    def save_ai_config(self, draft: AiConfigDraft) -> None:
        """Write how the assistant writes, for the creator that is there or will be."""
        with self._tenant.transaction() as connection:
            creator_id, _ = self._row(connection)
            written_for = _written_for(connection, creator_id)
            ai_configs.save(connection, written_for, draft, by=self._caller)

    def connect(
        self, draft: PlatformDraft, limits: Mapping[str, LaneLimits], secrets: CreatorCredentials
    ) -> UUID:
        """Add the creator, unless an earlier try has, and order the worker to log in.

        Returns:
            The id of the creator, whose lane the caller wakes.
        """
        # Before anything is written: a creator without consent would be in the way of the next try.
        connections.require_consent(given=draft.consent)
        with self._tenant.transaction() as connection:
            creator_id = _known_account(connection, draft) or accounts.add(
                self._tenant,
                CreatorDraft.model_validate(
                    draft.model_dump(exclude=_CREDENTIALS, exclude_unset=True)
                ),
                limits,
                by=self._caller,
            )
            connection.execute(
                "INSERT INTO onboardings (workspace_id, creator_id) VALUES (%s, %s)"
                " ON CONFLICT (workspace_id) DO UPDATE SET creator_id = excluded.creator_id",
                (self._tenant.workspace_id, creator_id),
            )
        connections.connect(self._tenant, secrets, creator_id, draft, by=self._caller)
        return creator_id

    def complete(self) -> None:
        """Say once that it is complete."""
        with self._tenant.transaction() as connection:
            done = connection.execute(
                "UPDATE onboardings SET completed_at = clock_timestamp(), completed_by = %s"
                " WHERE workspace_id = %s AND completed_at IS NULL",
                (self._caller, self._tenant.workspace_id),
            )
            if done.rowcount:
                workspace = ("workspace", self._tenant.workspace_id)
                outbox.add(
                    connection,
                    "workspace.onboarded",
                    workspace_id=self._tenant.workspace_id,
                    aggregate=workspace,
                    payload={},
                )
                audit.record(
                    connection,
                    "workspace.onboarded",
                    audit.Target(*workspace),
                    actor_id=self._caller,
                )

    def _row(self, connection: Connection) -> tuple[UUID | None, datetime | None]:
        row: tuple[UUID | None, datetime | None] | None = connection.execute(
            "SELECT creator_id, completed_at FROM onboardings WHERE workspace_id = %s",
            (self._tenant.workspace_id,),
        ).fetchone()
        return row or (None, None)


def _written_for(connection: Connection, creator_id: UUID | None) -> UUID | None:
    """Whom the assistant writes for: onboarding's creator, or the first from elsewhere."""
    if creator_id is not None:
        return creator_id
    row = connection.execute(
        "SELECT id FROM creators WHERE workspace_id = current_setting('app.workspace_id')::uuid"
        " ORDER BY created_at, id LIMIT 1"
    ).fetchone()
    return row[0] if row else None


def _known_account(connection: Connection, draft: PlatformDraft) -> UUID | None:
    row = connection.execute(
        "SELECT id FROM creators WHERE workspace_id = current_setting('app.workspace_id')::uuid"
        " AND platform = %s AND handle = %s",
        (draft.platform, draft.handle),
    ).fetchone()
    return row[0] if row else None


def _connection_of(connection: Connection, creator_id: UUID) -> PlatformConnection | None:
    with connection.cursor(row_factory=class_row(PlatformConnection)) as cursor:
        return cursor.execute(
            "SELECT k.id AS creator_id, k.platform, k.handle, l.status, l.stop_reason"
            " FROM creators k JOIN creator_lanes l"
            "   ON l.workspace_id = k.workspace_id AND l.creator_id = k.id"
            " WHERE k.workspace_id = current_setting('app.workspace_id')::uuid AND k.id = %s",
            (creator_id,),
        ).fetchone()
