"""Fixtures that more than one kind of test uses."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.postgres import MASTER_ROLE, EmbeddedPostgres
from local.processes import free_port


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test session alone.

    Yields the address of its empty database ``huntaze``; the role in it is what the master user
    is on RDS: owner of the database, may create roles, no superuser.
    """
    folder: Path = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(folder, free_port(), durable=False, dies_with_parent=True)
    server.start()
    try:
        password = secrets.token_hex(16)
        server.set_password(MASTER_ROLE, password)
        yield server.dsn(password)
    finally:
        server.stop()
