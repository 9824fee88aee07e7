"""The people of a workspace, and what each of them has been told."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from functions.notifications.events import handler as door
from huntaze.db import EVERY_MEMBER, Connection, SingleConnection, Tenant
from huntaze.ids import new_id

_EVENTS = (
    "SELECT event_type, id, workspace_id, aggregate_type, aggregate_id, created_at, payload"
    " FROM events_outbox WHERE workspace_id = %s ORDER BY id"
)


class Staff:
    """Members by their names: the owner, and whoever joins.

    Args:
        workspace_id: Where they work.
        owner_id: Who is there already.
        connect: Opens a connection with a role.
        context: What Lambda tells a function of its call.
    """

    def __init__(
        self,
        workspace_id: UUID,
        owner_id: UUID,
        connect: Callable[[str], Connection],
        context: Any,
    ) -> None:
        self._workspace_id = workspace_id
        self._identity = connect("identity")
        self._post = connect("master")
        self._everybody = Tenant(
            SingleConnection(lambda: connect("app")), workspace_id, member=EVERY_MEMBER
        )
        self._context = context
        self._brought: set[UUID] = set()
        self.people: dict[str, UUID] = {"owner": owner_id}

    def join(self, name: str, role: str, scope: list[UUID] | None = None) -> UUID:
        """Let somebody join."""
        user_id = new_id()
        self._identity.execute(
            "INSERT INTO users (id, email, name) VALUES (%s, %s, %s)",
            (user_id, f"{user_id}@example.com", name),
        )
        self._identity.execute(
            "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
            " VALUES (%s, %s, %s, %s)",
            (self._workspace_id, user_id, role, scope),
        )
        self.people[name] = user_id
        return user_id

    def leave(self, name: str) -> None:
        """Take somebody's place away."""
        self._sql("DELETE FROM members WHERE user_id = %s", self.people[name])

    def move(self, name: str, role: str, scope: list[UUID] | None) -> None:
        """Give somebody another place."""
        query = "UPDATE members SET role = %s, creator_scope = %s WHERE user_id = %s"
        self._sql(query, role, scope, self.people[name])

    def hear(self) -> None:
        """Bring what the outbox has, twice each, as queues do; what was brought stays brought."""
        found = self._sql(_EVENTS, self._workspace_id)
        for event_type, event_id, *facts in found:
            if event_id in self._brought:
                continue
            self._brought.add(event_id)
            workspace_id, kind, aggregate_id, at, payload = facts
            detail = {
                "id": str(event_id),
                "workspace_id": str(workspace_id),
                "aggregate_type": kind,
                "aggregate_id": str(aggregate_id),
                "created_at": at.isoformat(),
                "payload": payload,
            }
            body = json.dumps({"detail-type": event_type, "detail": detail})
            records = [{"messageId": str(one), "body": body} for one in range(2)]
            assert door.handler({"Records": records}, self._context) == {"batchItemFailures": []}

    def told(self, kind: str) -> list[str]:
        """Who was told of a kind, in the product itself: each name as often as they were."""
        self.hear()
        query = "SELECT user_id FROM notifications WHERE kind = %s AND in_app"
        return self._names(self._sql(query, kind))

    def mailed(self, kind: str) -> list[str]:
        """Who gets mails of a kind: each name as often as they do."""
        self.hear()
        query = "SELECT user_id FROM mails WHERE template = %s AND user_id = ANY (%s)"
        people = list(self.people.values())
        return self._names(self._post.execute(query, (kind, people)).fetchall())

    def kinds(self) -> set[str]:
        """What anybody of the workspace was told of."""
        self.hear()
        return {row[0] for row in self._sql("SELECT DISTINCT kind FROM notifications")}

    def _names(self, rows: list[tuple[Any, ...]]) -> list[str]:
        """Names, those included who are no members any more."""
        names = {user_id: name for name, user_id in self.people.items()}
        return sorted(names[user_id] for (user_id,) in rows)

    def _sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._everybody.transaction() as connection:
            found = connection.execute(query.encode(), values)
            return found.fetchall() if found.description else []
