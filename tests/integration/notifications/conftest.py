"""An office on the test's database, the way to ask it, and the mails that wait."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from functions.notifications.api import handler as api
from functions.notifications.digests import handler as digests
from functions.notifications.events import handler as door
from huntaze import outbox
from huntaze.db import SingleConnection
from huntaze.domain import mails
from tests.fakes.answer import Answer
from tests.fakes.office import Office


@pytest.fixture
def queue(monkeypatch) -> list[str]:
    """The mails that the queue was told of."""
    queued: list[str] = []
    monkeypatch.setattr(mails, "enqueue", lambda ids: queued.extend(map(str, ids)) or len(queued))
    monkeypatch.setattr(outbox, "nudge", lambda: None)
    return queued


@pytest.fixture
def office(tenant_factory, as_role, monkeypatch, lambda_context, queue) -> Office:  # noqa: ARG001
    for one in (door, api, digests):
        source = SingleConnection(lambda: as_role("app"))
        monkeypatch.setattr(one, "database", lambda source=source: source)
    return Office(tenant_factory(), as_role, lambda_context)


@pytest.fixture
def ask(office, api_event, principal, lambda_context) -> Callable[..., Answer]:
    def make(
        user_id: UUID,
        method: str = "GET",
        path: str = "/api/notifications",
        *,
        creators: list[UUID] | None = None,
        role: str = "owner",
        **event: Any,
    ) -> Answer:
        who = principal(office.ids.workspace_id, user_id=user_id, creators=creators, role=role)
        sent = api_event(method, path, principal=who, **event)
        return Answer.of(api.handler(sent, lambda_context))

    return make


@pytest.fixture
def mailed(office, as_role) -> Callable[[], list[tuple[str, UUID]]]:
    """The mails of notifications that wait: template and whose, in order."""

    def read() -> list[tuple[str, UUID]]:
        ids = [row[0] for row in office.rows("SELECT user_id FROM members")]
        query = "SELECT template, user_id FROM mails WHERE user_id = ANY (%s) ORDER BY id"
        return as_role("master").execute(query, (ids,)).fetchall()

    return read
