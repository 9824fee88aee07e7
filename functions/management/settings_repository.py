"""What members and workspaces choose, in Postgres; each is the domain's to write."""

from uuid import UUID

from huntaze.db import Tenant
from huntaze.domain import profiles, workspaces
from huntaze.domain.notices import preferences
from huntaze.domain.notices.preferences import Preferences, PreferencesDraft
from huntaze.domain.profiles import Profile, ProfileDraft
from huntaze.domain.workspaces import Settings


class PostgresOwnSettings:
    """What one member chooses for themselves.

    Args:
        tenant: The workspace, with the member's own rows.
        member: Who.
    """

    def __init__(self, tenant: Tenant, member: UUID) -> None:
        self._tenant = tenant
        self._member = member

    def profile(self) -> Profile:
        """Read their profile, or what one begins with."""
        with self._tenant.transaction() as connection:
            return profiles.read_or_begin(connection, self._member)

    def save_profile(self, draft: ProfileDraft) -> Profile:
        """Write their profile, whole."""
        with self._tenant.transaction() as connection:
            profiles.save(connection, self._member, draft)
            return profiles.read_or_begin(connection, self._member)

    def preferences(self) -> Preferences:
        """Read what they want to be told of."""
        with self._tenant.transaction() as connection:
            return preferences.read(connection, self._member)

    def save_preferences(self, draft: PreferencesDraft) -> Preferences:
        """Write what they want to be told of, whole."""
        with self._tenant.transaction() as connection:
            preferences.save(connection, self._member, draft)
            return preferences.read(connection, self._member)


class PostgresSettings:
    """The settings of a workspace.

    Args:
        tenant: The workspace, with every member's rows, which its time zone concerns.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def read(self) -> Settings:
        """Read them."""
        with self._tenant.transaction() as connection:
            return workspaces.read(connection)

    def save(self, settings: Settings, *, by: UUID) -> Settings:
        """Write them, whole."""
        with self._tenant.transaction() as connection:
            workspaces.save(connection, settings, by=by)
            return workspaces.read(connection)
