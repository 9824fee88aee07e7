"""A creator with automations, asked through their door and swept as the schedule does."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from functions.automations.api import handler as door
from functions.automations.sweep import handler as sweep
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk

PATH = "/api/marketing/automations"
TAGGED = {"kind": "tag_added", "tag": "vip"}
HELLO = {"id": "hello", "kind": "send_message", "text": "Hello {display_name|there}"}
THANK = {"id": "thank", "kind": "add_tag", "tag": "thanked"}


class Killed(BaseException):
    """The process is gone."""


class AutomationScene:
    """One creator's automations.

    Args:
        desk: The creator.
        ask: Asks a door.
    """

    def __init__(self, desk: Desk, ask: Callable[..., Answer]) -> None:
        self.desk = desk
        self._ask = ask

    def ask(self, method: str, path: str = "", body: object = None, **who: Any) -> Answer:
        """Ask the door."""
        return self._ask(door, self.desk, method, PATH + path, body, **who)

    def make(self, trigger: dict[str, Any], *steps: dict[str, Any], **more: Any) -> str:
        """Store an automation and turn it on."""
        body = {"name": "Rule", "trigger": trigger, "steps": list(steps), **more}
        made = self.ask("POST", "", body)
        assert made.status == 201, made.body
        enabled = self.ask("POST", f"/{made.body['id']}/enable")
        assert enabled.status == 200, enabled.body
        return str(made.body["id"])

    def sweep(self) -> dict[str, int]:
        """Run the sweep, with time enough."""
        context = SimpleNamespace(
            aws_request_id="00000000-0000-7000-8000-000000000000",
            get_remaining_time_in_millis=lambda: 100_000,
        )
        return sweep.handler({}, context)  # type: ignore[arg-type]

    def runs(self, automation_id: str, **query: str) -> list[dict[str, Any]]:
        """The runs of an automation, oldest first."""
        answer = self.ask("GET", f"/{automation_id}/runs", query=query or None)
        assert answer.status == 200, answer.body
        return list(reversed(answer.body["items"]))

    def taken(self, automation_id: str) -> list[list[tuple[str, str]]]:
        """The steps of each run and their outcomes, oldest run first."""
        return [
            [(step["step"], step["outcome"]) for step in run["steps"]]
            for run in self.runs(automation_id)
        ]

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the workspace's database."""
        with self.desk.app.transaction() as connection:
            found = connection.execute(statement, values)
            return found.fetchall() if found.description else []

    def tag(self, fan_id: UUID, tag: str = "vip") -> None:
        """Give a fan a tag."""
        self.sql(
            "INSERT INTO fan_tags (workspace_id, creator_id, fan_id, tag)"
            " SELECT workspace_id, creator_id, id, %s FROM fans WHERE id = %s",
            tag,
            fan_id,
        )

    def tags(self, fan_id: UUID) -> set[str]:
        """The tags of a fan."""
        return {row[0] for row in self.sql("SELECT tag FROM fan_tags WHERE fan_id = %s", fan_id)}

    def time_passes(self) -> None:
        """Let every wait be over, also for a clock that is set back meanwhile."""
        self.sql(
            "UPDATE automation_runs SET due_at = clock_timestamp() - interval '1 day'"
            " WHERE status = 'waiting'"
        )
        self.sql("UPDATE automations SET look_at = clock_timestamp() WHERE look_at IS NOT NULL")

    def sends(self) -> list[tuple[Any, ...]]:
        """What the ledger has: fan, text, state, priority."""
        return self.sql("SELECT fan_id, text, state, priority FROM sends ORDER BY id")
