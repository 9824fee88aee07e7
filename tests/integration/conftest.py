"""What the tests behind the doors share: AWS as recorders, a desk, and a way to ask."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.notifications.events import handler as notifications
from huntaze import clients, flags, outbox
from huntaze.db import Connection, SingleConnection
from huntaze.domain import mails
from huntaze.settings import load
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.staff import Staff

_MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:campaign"
_RECORDERS = (
    *(("step_functions", "machine"), ("sqs", "queue"), ("functions", "relay")),
    ("dynamodb", "flags"),
)


@pytest.fixture
def record_aws(
    as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Mock]]:
    """Wire doors to the database, and AWS to recorders: ``machine``, ``queue`` and so on."""
    source = SingleConnection(lambda: as_role("app"))

    def record(*doors: ModuleType) -> Mock:
        for door in doors:
            monkeypatch.setattr(door, "database", lambda: source)
        fake = Mock()
        fake.machine.start_execution.side_effect = lambda **call: {
            "executionArn": f"{_MACHINE}:{call['name']}"
        }
        # Nobody has said anything about any flag.
        fake.flags.get_item.return_value = {}
        fake.queue.send_message_batch.side_effect = lambda **call: {"Successful": call["Entries"]}
        for name, client in _RECORDERS:
            monkeypatch.setattr(clients, name, lambda client=client: getattr(fake, client))
        monkeypatch.setenv("CAMPAIGN_STATE_MACHINE_ARN", _MACHINE)
        monkeypatch.setenv("HYBRID_STATE_MACHINE_ARN", _MACHINE)
        monkeypatch.setenv("FEATURE_FLAGS_TABLE", "flags")
        monkeypatch.setenv("LANES_QUEUE_URL", "https://queue")
        monkeypatch.setenv("AI_PROCESSING_QUEUE_URL", "https://queue.of.replies")
        monkeypatch.setenv("OUTBOX_RELAY_FUNCTION", "relay")
        load.cache_clear()
        flags.flags.cache_clear()
        return fake

    yield record
    load.cache_clear()
    flags.flags.cache_clear()


@pytest.fixture
def open_desk(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]], as_role: Callable[[str], Connection]
) -> Callable[..., Desk]:
    """Make a workspace with a creator whose lane is open, or as told."""

    def make(**lane: object) -> Desk:
        workspace_id, user_id, creator_id = tenant_factory()
        made = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
        made.open_lane(**lane)
        return made

    return make


@pytest.fixture
def join_staff(
    as_role: Callable[[str], Connection], lambda_context: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Desk], Staff]:
    """Let a chatter of a desk's creator and a manager join its owner; all hear what happens."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(notifications, "database", lambda: source)
    monkeypatch.setattr(mails, "enqueue", lambda ids: len(list(ids)))
    monkeypatch.setattr(outbox, "nudge", lambda: None)

    def join(desk: Desk) -> Staff:
        made = Staff(desk.workspace_id, desk.user_id, as_role, lambda_context)
        made.join("chatter", "chatter", [desk.creator_id])
        made.join("manager", "manager")
        return made

    return join


@pytest.fixture
def have_plan(as_role: Callable[[str], Connection]) -> Callable[..., None]:
    """Let a desk's workspace have a plan, as the billing feature writes it."""

    def change(desk: Desk, plan: str, until: str | None = None) -> None:
        with as_role("intake") as connection, connection.transaction():
            connection.execute(
                "SELECT set_config('app.workspace_id', %s, true)", (str(desk.workspace_id),)
            )
            connection.execute(
                "UPDATE workspaces SET plan = %s, plan_until = now() + %s::interval WHERE id = %s",
                (plan, until, desk.workspace_id),
            )

    return change


@pytest.fixture
def ask_door(
    api_event: Callable[..., dict[str, Any]],
    principal: Callable[..., dict[str, str]],
    lambda_context: object,
) -> Callable[..., Answer]:
    """Ask a door as a member of a desk's workspace, its owner unless told otherwise."""

    def ask(
        door: Any,
        desk: Desk,
        method: str,
        path: str,
        body: object = None,
        *,
        role: str = "owner",
        creators: list[UUID] | None = None,
        **event: Any,
    ) -> Answer:
        who = principal(desk.workspace_id, user_id=desk.user_id, role=role, creators=creators)
        sent = api_event(method, path, body=body, principal=who, **event)
        return Answer.of(door.handler(sent, lambda_context))

    return ask
