"""Rules of migrating, without a database."""

from collections.abc import Mapping

import pytest

from functions.migrate import service
from functions.migrate.models import Migration


class InMemorySchema:
    """A schema that remembers what it was told."""

    def __init__(self) -> None:
        self.applied: dict[str, str] = {}
        self.passwords: dict[str, str] = {}

    def apply(self, migration: Migration) -> bool:
        """Remember the migration."""
        if migration.name in self.applied:
            service.refuse_changed(migration, self.applied[migration.name])
            return False
        self.applied[migration.name] = migration.sha256
        return True

    def set_passwords(self, passwords: Mapping[str, str]) -> None:
        """Remember the passwords."""
        self.passwords.update(passwords)


@pytest.fixture
def passwords() -> dict[str, str]:
    return {role: f"secret of {role}" for role in service.LOGIN_ROLES}


def test_applies_in_order_of_names(passwords: dict[str, str]):
    files = [Migration(name=name, text=b"") for name in ("0010_c.sql", "0002_b.sql", "0001_a.sql")]
    outcome = service.bring_up_to_date(InMemorySchema(), files, passwords)
    assert outcome.applied == ["0001_a.sql", "0002_b.sql", "0010_c.sql"]


def test_refuses_a_changed_text_and_sets_no_password(passwords: dict[str, str]):
    schema = InMemorySchema()
    service.bring_up_to_date(schema, [Migration(name="0001_a.sql", text=b"a")], {**passwords})
    schema.passwords.clear()
    with pytest.raises(service.ChangedMigrationError, match="new migration"):
        service.bring_up_to_date(schema, [Migration(name="0001_a.sql", text=b"b")], passwords)
    assert schema.passwords == {}


@pytest.mark.parametrize("wrong", [{"app": None}, {"root": "x"}])
def test_refuses_incomplete_or_unknown_roles(wrong: dict[str, str | None], passwords):
    given = {r: p for r, p in {**passwords, **wrong}.items() if p is not None}
    with pytest.raises(service.RoleSecretError):
        service.bring_up_to_date(InMemorySchema(), [], given)


def test_sets_passwords_when_nothing_was_to_apply(passwords: dict[str, str]):
    schema = InMemorySchema()
    assert service.bring_up_to_date(schema, [], passwords).applied == []
    assert schema.passwords == passwords
