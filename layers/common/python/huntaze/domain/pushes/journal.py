"""The journal of what platforms push: written down before anything is done with it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg.rows import class_row

from huntaze import clients, queues
from huntaze.db import Connection
from huntaze.settings import Settings, load


class PushQueueSettings(Settings):
    """Where events wait to be worked on."""

    platform_webhooks_queue_url: str


class Outcome(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    # Something newer was told of the same thing.
    OLDER = "older"
    # Kept and left alone: a platform may tell of more than is known here.
    UNKNOWN_KIND = "unknown_kind"


@dataclass(frozen=True, slots=True)
class TakenPush:
    """An event as it came in, signed.

    Attributes:
        fan_platform_id: Of whom it speaks, if of anybody.
    """

    id: str
    kind: str
    occurred_at: datetime
    body: str
    fan_platform_id: str | None


@dataclass(frozen=True, slots=True)
class PushedEvent:
    """An event that nobody has worked on."""

    id: str
    kind: str
    occurred_at: datetime
    body: str


def take(connection: Connection, creator_id: UUID, event: TakenPush) -> bool:
    """Write an event down, once; whether work on it is still to be done."""
    row = connection.execute(
        "SELECT take_platform_event(%s, %s, %s, %s, %s, %s)",
        (
            creator_id,
            event.id,
            event.kind,
            event.occurred_at,
            event.body,
            event.fan_platform_id,
        ),
    ).fetchone()
    return row is not None and bool(row[0])


def queue(workspace_id: UUID, creator_id: UUID, event_id: str) -> None:
    """Let somebody work on an event; told twice, it is worked on once."""
    clients.sqs().send_message(
        QueueUrl=load(PushQueueSettings).platform_webhooks_queue_url,
        MessageBody=json.dumps(_named(workspace_id, creator_id, event_id)),
    )


def queue_again(lost: Iterable[tuple[UUID, UUID, str]]) -> int:
    """Let somebody work on events that the queue has lost: workspace, creator, event.

    Returns:
        How many the queue took; the others are lost for another while.
    """
    queue_url = load(PushQueueSettings).platform_webhooks_queue_url
    return queues.put(queue_url, (_named(*event) for event in lost))


def _named(workspace_id: UUID, creator_id: UUID, event_id: str) -> dict[str, str]:
    """What a message of the queue says of an event."""
    return {
        "workspace_id": str(workspace_id),
        "creator_id": str(creator_id),
        "event_id": event_id,
    }


def to_work_on(connection: Connection, creator_id: UUID, event_id: str) -> PushedEvent | None:
    """Take an event to work on, which nobody else does meanwhile; None if it is done."""
    with connection.cursor(row_factory=class_row(PushedEvent)) as cursor:
        return cursor.execute(
            "SELECT id, kind, occurred_at, body FROM platform_events"
            " WHERE creator_id = %s AND id = %s AND processed_at IS NULL FOR UPDATE",
            (creator_id, event_id),
        ).fetchone()


def finish(connection: Connection, creator_id: UUID, event_id: str, outcome: Outcome) -> None:
    """Note what became of an event, and forget what it said."""
    connection.execute(
        "UPDATE platform_events SET processed_at = clock_timestamp(), outcome = %s, body = NULL,"
        " fan_platform_id = NULL WHERE creator_id = %s AND id = %s",
        (outcome, creator_id, event_id),
    )


def note_failure(connection: Connection, creator_id: UUID, event_id: str) -> None:
    """Note that work on an event has failed: from now on the queue alone brings it again."""
    connection.execute(
        "UPDATE platform_events SET failures = least(failures + 1, 1000)"
        " WHERE creator_id = %s AND id = %s AND processed_at IS NULL",
        (creator_id, event_id),
    )


def forget_fan(connection: Connection, creator_id: UUID, fan_platform_id: str | None) -> None:
    """Forget what waits to be told of a fan."""
    connection.execute(
        "DELETE FROM platform_events WHERE creator_id = %s AND fan_platform_id = %s",
        (creator_id, fan_platform_id),
    )
