"""A workspace whose members are told what happens in it."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from functions.notifications.events import handler as door
from functions.outbox_relay import handler as relay
from huntaze import clients, correlation, outbox
from huntaze.db import EVERY_MEMBER, Connection, SingleConnection, Tenant
from huntaze.domain.notices import preferences
from huntaze.domain.notices.kinds import Kind
from huntaze.domain.notices.preferences import PreferencesDraft
from huntaze.ids import new_id
from huntaze.settings import load


class Office:
    """A workspace with its people, and the way from an event to them."""

    def __init__(self, ids: Any, connect: Callable[[str], Connection], context: Any) -> None:
        self.ids = ids
        self.connect = connect
        self.context = context
        source = SingleConnection(lambda: connect("app"))
        self.everybody = Tenant(source, ids.workspace_id, member=EVERY_MEMBER)

    def member(self, role: str, scope: list[UUID] | None = None) -> UUID:
        """Let somebody join."""
        user_id, identity = new_id(), self.connect("identity")
        identity.execute(
            "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Colleague')",
            (user_id, f"{user_id}@example.com"),
        )
        identity.execute(
            "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
            " VALUES (%s, %s, %s, %s)",
            (self.ids.workspace_id, user_id, role, scope),
        )
        return user_id

    def wants(self, user_id: UUID, **draft: Any) -> None:
        """Save preferences."""
        with self.everybody.transaction() as connection:
            preferences.save(connection, user_id, PreferencesDraft(**draft))

    def happens(self, event_type: str, aggregate: tuple[str, UUID] | None = None, **facts: Any):
        """Put an event into the outbox; answer what EventBridge makes of it."""
        aggregate = aggregate or ("creator", self.ids.creator_id)
        with correlation.within(new_id()), self.everybody.transaction() as connection:
            outbox.add(
                connection,
                event_type,
                workspace_id=self.ids.workspace_id,
                aggregate=aggregate,
                payload=facts,
            )
        return self.on_the_bus()

    def on_the_bus(self) -> list[dict[str, Any]]:
        """Take this workspace's events from the outbox, as the relay would give them."""
        entries: list[dict[str, Any]] = []

        def put_events(Entries):  # noqa: N803 - boto3's name
            entries.extend(Entries)
            return {"Entries": [{} for _ in Entries]}

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clients, "events", lambda: SimpleNamespace(put_events=put_events))
            patch.setattr(
                relay, "database", lambda: SingleConnection(lambda: self.connect("relay"))
            )
            patch.setenv("EVENT_BUS_NAME", "huntaze")
            load.cache_clear()
            relay.handler({}, self.context)
            load.cache_clear()
        return [
            {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
            for entry in entries
            if json.loads(entry["Detail"])["workspace_id"] == str(self.ids.workspace_id)
        ]

    def tell(self, *events: dict[str, Any]) -> None:
        """Bring events, as the queue does."""
        records = [
            {"messageId": str(number), "body": json.dumps(event)}
            for number, event in enumerate(events)
        ]
        assert door.handler({"Records": records}, self.context) == {"batchItemFailures": []}

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask as somebody who sees the whole workspace."""
        with self.everybody.transaction() as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def was_told(self, user_id: UUID, kind: Kind) -> UUID:
        """Let a member have a notification of the workspace as a whole; answers its id."""
        ((made,),) = self.rows(
            "INSERT INTO notifications (workspace_id, user_id, event_id, kind, target_kind,"
            " target_id, in_app, happened_at) VALUES (%s, %s, uuid7(), %s, 'workspace', %s, true,"
            " now()) RETURNING id",
            *(self.ids.workspace_id, user_id, kind, self.ids.workspace_id),
        )
        return UUID(str(made))

    def told(self) -> dict[UUID, int]:
        """How many notifications each member has."""
        return dict(self.rows("SELECT user_id, count(*) FROM notifications GROUP BY 1"))
