"""The router on real Postgres, the openai package, the stand-in for models, moto's DynamoDB."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from moto import mock_aws

from huntaze import clients
from huntaze.ai import catalogue
from huntaze.ai.models import Hop
from huntaze.db import Connection, SingleConnection
from local.model_provider.state import State
from tests.fakes.model_desk import BREAKERS, ModelDesk, make_tables, serving


@pytest.fixture(scope="module")
def stand_in() -> Iterator[tuple[State, str]]:
    state = State()
    with serving(state) as url:
        yield state, url


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """DynamoDB with the tables that the router uses."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            patch.setenv(name, value)
        clients._client.cache_clear()
        with mock_aws():
            make_tables()
            yield
        clients._client.cache_clear()


@pytest.fixture
def desk(stand_in, aws, tenant_factory, database) -> Iterator[ModelDesk]:  # noqa: ARG001
    """A new workspace with a healthy pair of providers."""
    state, url = stand_in
    state.reset()
    for model in catalogue().models:
        hop = Hop(model.provider, model.id)
        clients.dynamodb().delete_item(TableName=BREAKERS, Key={"circuit": {"S": hop.circuit}})
    ids = tenant_factory()
    opened: list[Connection] = []

    def connect() -> Connection:
        opened.append(psycopg.connect(database["app"], autocommit=True, prepare_threshold=None))
        return opened[-1]

    yield ModelDesk(
        state,
        url=url,
        source=lambda: SingleConnection(connect),
        workspace_id=ids.workspace_id,
        creator_id=ids.creator_id,
    )
    for connection in opened:
        connection.close()


@pytest.fixture
def books(desk, tenant) -> Callable[..., list[tuple]]:
    """Ask the books of the desk's workspace."""

    def read(query: str, *values: object) -> list[tuple]:
        with tenant(desk.workspace_id).transaction() as connection:
            return connection.execute(query, values).fetchall()

    return read
