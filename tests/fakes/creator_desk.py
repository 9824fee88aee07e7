"""A creator with fans, media, campaigns and a lane, set up in a few words."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.domain import erasure
from huntaze.domain.outbound import grants, lanes, settlement
from huntaze.domain.outbound.grants import Deadlines, Granted, Refused
from huntaze.domain.outbound.lanes import Claim, DueSend
from huntaze.domain.outbound.texts import text_hash
from huntaze.ids import new_id

LEASE = timedelta(seconds=30)
# T2 is over at once, so that a test can read back without waiting.
# Over before anybody can look, so that no test has to wait for it.
BRIEF = Deadlines(timedelta(microseconds=1), timedelta(microseconds=2))
LONG = Deadlines(timedelta(seconds=4), timedelta(seconds=9))


class Desk:
    """One creator of one workspace, as the API (`app`) and the worker see it.

    Args:
        connect: Opens a connection with a role.
        workspace_id: Whose.
        creator_id: Which.
        user_id: Who acts.
    """

    def __init__(
        self,
        connect: Callable[[str], Connection],
        *,
        workspace_id: UUID,
        creator_id: UUID,
        user_id: UUID,
    ) -> None:
        self.workspace_id = workspace_id
        self.creator_id = creator_id
        self.user_id = user_id
        self.app = Tenant(SingleConnection(lambda: connect("app")), workspace_id)
        self.source = SingleConnection(lambda: connect("worker"))
        self.worker = Tenant(self.source, workspace_id)
        self._number = 0

    def open_lane(self, **columns: object) -> None:
        """Make an active lane, fast unless told otherwise."""
        self._insert(
            "creator_lanes",
            {
                "creator_id": self.creator_id,
                "platform": "fan_platform",
                "status": "active",
                "stop_reason": None,
                "messages_per_minute": 6000,
                "min_gap_ms": 0,
                **columns,
            },
        )

    def set_lane(self, **columns: object) -> None:
        """Change the lane as its worker or an operator would."""
        self._update(self.worker, "creator_lanes", "creator_id", self.creator_id, columns)

    def set_creator(self, **columns: object) -> None:
        """Change the creator's settings."""
        self._update(self.app, "creators", "id", self.creator_id, columns)

    def set_fan(self, fan_id: UUID, **columns: object) -> None:
        """Change a fan."""
        self._update(self.app, "fans", "id", fan_id, columns)

    def set_send(self, send_id: UUID, **columns: object) -> None:
        """Change a row of the ledger."""
        self._update(self.app, "sends", "id", send_id, columns)

    def set_campaign(self, campaign_id: UUID, **columns: object) -> None:
        """Change a campaign."""
        self._update(self.app, "campaigns", "id", campaign_id, columns)

    def fan(self, **columns: object) -> UUID:
        """Add a fan whom the platform knows."""
        self._number += 1
        platform_id = columns.pop("platform_id", f"p{self._number}-{self.creator_id}")
        key = None if platform_id is None else str(platform_id).encode()
        return self._insert(
            "fans",
            {
                "id": new_id(),
                "creator_id": self.creator_id,
                "platform_id": platform_id,
                "platform_key": key,
                "handle": f"fan{self._number}",
                "status": "active",
                **columns,
            },
        )

    def suppress(self, fan_id: UUID) -> None:
        """Write a fan into the suppressions."""
        with self.app.transaction() as connection:
            connection.execute(
                "INSERT INTO suppressions (workspace_id, creator_id, platform_key, reason)"
                " SELECT workspace_id, creator_id, platform_key, 'stop_word' FROM fans"
                " WHERE id = %s",
                (fan_id,),
            )

    def hand_over(self, fan_id: UUID, topic: str, *, resolved: bool = False) -> None:
        """Hand a fan's conversation over to a person, who may have looked at it."""
        with self.app.transaction() as connection:
            connection.execute(
                "INSERT INTO chat_handovers (workspace_id, creator_id, fan_id, conversation_id,"
                " message_id, topic, found_by, resolved_at, resolved_by)"
                " SELECT workspace_id, creator_id, id, uuid7(), uuid7(), %(topic)s, 'rules',"
                " CASE WHEN %(resolved)s THEN clock_timestamp() END,"
                " CASE WHEN %(resolved)s THEN uuid7() END FROM fans WHERE id = %(fan)s",
                {"topic": topic, "resolved": resolved, "fan": fan_id},
            )

    def medium(self, **columns: object) -> UUID:
        """Add an item to the vault."""
        media_id = new_id()
        return self._insert(
            "media",
            {
                "id": media_id,
                "creator_id": self.creator_id,
                "platform_media_id": f"m-{media_id}",
                "kind": "photo",
                "title": "t",
                **columns,
            },
        )

    def campaign(self, status: str = "sending", **columns: object) -> UUID:
        """Add a campaign."""
        return self._insert(
            "campaigns",
            {
                "id": new_id(),
                "creator_id": self.creator_id,
                "name": "c",
                "status": status,
                "variants": json.dumps([{"label": "A", "message": "hi", "weight": 1}]),
                "created_by": self.user_id,
                **columns,
            },
        )

    def send(self, fan_id: UUID | None = None, **columns: object) -> UUID:
        """Add a due row: a person's message unless told otherwise."""
        text = str(columns.get("text", "hello"))
        return self._insert(
            "sends",
            {
                "id": new_id(),
                "creator_id": self.creator_id,
                "fan_id": fan_id or self.fan(),
                "priority": 3 if columns.get("campaign_id") else 0,
                "text": text,
                "text_hash": text_hash(text),
                "written_by": "person",
                "compliance_passed_at": "now",
                "fan_status": "active",
                **columns,
            },
        )

    def order_done(self, kind: str, *, ago: timedelta) -> None:
        """Add an order that was given so long ago and is carried out."""
        with self.app.transaction() as connection:
            connection.execute(
                "INSERT INTO creator_commands (workspace_id, creator_id, kind, state, created_at,"
                " finished_at) VALUES (%s, %s, %s, 'done', clock_timestamp() - %s,"
                " clock_timestamp())",
                (self.workspace_id, self.creator_id, kind, ago),
            )

    def erase(self, fan_id: UUID) -> None:
        """Forget a fan, as a member orders it."""
        with self.app.transaction() as connection:
            erasure.erase_fan(connection, self.workspace_id, fan_id, by=self.user_id)

    def claim(self, holder: str = "worker-1", lease: timedelta = LEASE) -> Claim:
        """Take the lane."""
        claim = lanes.claim(self.source, self.creator_id, holder=holder, lease=lease)
        assert claim is not None
        return claim

    def next_due(self, claim: Claim, *, ahead: timedelta = timedelta(0)) -> DueSend | None:
        """The lane's next message."""
        with self.worker.transaction() as connection:
            lane = lanes.state(connection, claim)
            return lanes.next_due(connection, claim, lane, ahead=ahead)

    def grant(
        self,
        claim: Claim,
        due: DueSend | None = None,
        *,
        deadlines: Deadlines = LONG,
        baseline: str | None = "b0",
    ) -> Granted | Refused:
        """Ask for the next message, or for ``due``."""
        due = due or self.next_due(claim)
        assert due is not None
        with self.worker.transaction() as connection:
            return grants.grant(connection, claim, due, baseline=baseline, deadlines=deadlines)

    def confirm(self, claim: Claim, send_id: UUID, message_id: str = "m1") -> bool:
        """Say that the platform showed the message."""
        with self.worker.transaction() as connection:
            return settlement.confirm(connection, claim, send_id, platform_message_id=message_id)

    def had(self, fan_id: UUID, count: int, *, hours_ago: float = 1) -> None:
        """Add messages that the fan has got."""
        granted = datetime.now(UTC) - timedelta(hours=hours_ago)
        for _ in range(count):
            send_id = self.send(
                fan_id,
                granted_at=granted,
                submit_until=granted,
                readable_at=granted + timedelta(seconds=1),
            )
            self.set_send(send_id, state="submitting")
            self.set_send(send_id, state="sent")

    def row(self, send_id: UUID, table: str = "sends") -> dict[str, Any]:
        """A row as it is stored."""
        (row,) = self.rows(f"SELECT * FROM {table} WHERE id = %s", send_id)
        return row

    def lane(self) -> dict[str, Any]:
        """The stored lane."""
        (row,) = self.rows("SELECT * FROM creator_lanes WHERE creator_id = %s", self.creator_id)
        return row

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What the workspace sees."""
        with (
            self.app.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query.encode(), values).fetchall()

    def events(self, event_type: str) -> list[dict[str, Any]]:
        """Payloads of the outbox."""
        found = self.rows(
            "SELECT payload FROM events_outbox WHERE event_type = %s ORDER BY id", event_type
        )
        return [row["payload"] for row in found]

    def _insert(self, table: str, row: dict[str, Any]) -> Any:
        values = {"workspace_id": self.workspace_id, **row}
        with self.app.transaction() as connection:
            connection.execute(
                sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, values)),
                    sql.SQL(", ").join(map(sql.Placeholder, values)),
                ),
                values,
            )
        return row.get("id")

    def _update(
        self, tenant: Tenant, table: str, key: str, value: UUID, columns: dict[str, Any]
    ) -> None:
        with tenant.transaction() as connection:
            done = connection.execute(
                sql.SQL("UPDATE {} SET {} WHERE {} = %(key_value)s").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(
                        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
                        for name in columns
                    ),
                    sql.Identifier(key),
                ),
                {**columns, "key_value": value},
            )
        assert done.rowcount == 1
