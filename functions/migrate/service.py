"""Rules of migrating: each file once, in order of names, and never a rewritten past."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from functions.migrate.models import Migration, Outcome

# The roles that log in. A role left without a password could not, and its functions would
# fail at their first query instead of here.
LOGIN_ROLES = frozenset(
    {
        *("app", "worker", "authorizer", "identity", "intake", "relay", "auditor", "mailer"),
        *("operations", "eraser"),
    }
)


class ChangedMigrationError(Exception):
    """The text of a migration is no longer the one that was applied."""


class RoleSecretError(Exception):
    """The secrets given are not those of the roles that log in."""


class Schema(Protocol):
    """The database whose schema is brought up to date."""

    def apply(self, migration: Migration) -> bool:
        """Apply ``migration`` and record it, in one transaction; False when that was done before.

        Raises:
            ChangedMigrationError: It was done before with another text.
        """
        ...

    def recognise(self, identity: str) -> int | None:
        """Tell the database which server it is on; a backup of another remembers that one.

        Returns:
            None if it is at home, else how many lanes are held until they are reconciled.
        """
        ...

    def set_passwords(self, passwords: Mapping[str, str]) -> None:
        """Give each role its password."""
        ...


def refuse_changed(migration: Migration, applied_sha256: str) -> None:
    """Refuse a migration whose text differs from what was applied under its name.

    Raises:
        ChangedMigrationError: It does.
    """
    if migration.sha256 != applied_sha256:
        raise ChangedMigrationError(
            f"{migration.name} was changed after it had been applied"
            f" (applied sha256 {applied_sha256[:12]}…, now {migration.sha256[:12]}…)."
            " Restore the file and put the change into a new migration."
        )


def bring_up_to_date(
    schema: Schema,
    migrations: Iterable[Migration],
    passwords: Mapping[str, str],
    identity: str | None = None,
) -> Outcome:
    """Apply what is missing, notice a restore, then let the roles log in.

    Raises:
        ChangedMigrationError: An applied file has another text now.
        RoleSecretError: ``passwords`` lacks a role that logs in, or names another.
    """
    if set(passwords) != LOGIN_ROLES:
        missing = ", ".join(sorted(LOGIN_ROLES - set(passwords))) or "none"
        unknown = ", ".join(sorted(set(passwords) - LOGIN_ROLES)) or "none"
        raise RoleSecretError(f"Role secrets: missing {missing}; unknown {unknown}.")
    applied = apply_missing(schema, migrations)
    # Before anyone can log in: no worker may send from a ledger that has forgotten what it sent.
    held = None if identity is None else schema.recognise(identity)
    # Also when nothing was applied: a rotated secret takes effect with the next deployment.
    schema.set_passwords(passwords)
    return Outcome(applied=applied, roles=sorted(passwords), held_lanes=held)


def apply_missing(schema: Schema, migrations: Iterable[Migration]) -> list[str]:
    """Apply, in order of names, what was not applied yet; return the names."""
    in_order = sorted(migrations, key=lambda migration: migration.name)
    return [migration.name for migration in in_order if schema.apply(migration)]
