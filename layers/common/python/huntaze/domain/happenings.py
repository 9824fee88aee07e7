"""What happens to fans and may start automations: the one place that says which kinds there are.

Most are noted by the database itself, in the transaction of the change (migration 0043): a new or
changed fan, a tag, a transaction. Whoever learns of something that changes no such row says it with
:func:`note`. Either way the same happening has the same ``turn``, so that telling it again, late or
out of order starts nothing twice.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from huntaze.db import Connection
from huntaze.moments import Moment


class HappeningKind(StrEnum):
    """What may happen to a fan; facts in brackets."""

    SUBSCRIBED = "subscribed"
    EXPIRED = "expired"
    REBILL_OFF = "rebill_off"
    CAME_ONLINE = "came_online"
    MESSAGE_RECEIVED = "message_received"
    # cents
    PPV_OPENED = "ppv_opened"
    # cents
    TIP = "tip"
    # cents: any payment, the two above included
    PAID = "paid"
    # tag
    TAG_ADDED = "tag_added"


class Happening(BaseModel):
    """Something that happened to a fan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: HappeningKind
    creator_id: UUID
    fan_id: UUID
    # Which one it is, e.g. "message:<id on the platform>".
    turn: Annotated[str, Field(min_length=1, max_length=300)]
    happened_at: Moment
    facts: dict[str, str | int] = {}


_NOTE = """
  INSERT INTO happenings (workspace_id, creator_id, fan_id, kind, turn, happened_at, facts)
  SELECT f.workspace_id, f.creator_id, f.id, %(kind)s, %(turn)s, %(at)s, %(facts)s
    FROM fans f
   WHERE f.workspace_id = current_setting('app.workspace_id')::uuid
     AND f.creator_id = %(creator)s AND f.id = %(fan)s AND f.erased_at IS NULL
     AND EXISTS (
       SELECT FROM automations a
        WHERE a.workspace_id = f.workspace_id AND a.creator_id = f.creator_id
          AND a.listens = %(kind)s AND a.enabled_at <= %(at)s)
"""


def note(connection: Connection, happenings: Sequence[Happening]) -> int:
    """Note what happened, where an automation listens.

    Args:
        connection: Inside the transaction that learns of it.
        happenings: Of fans of the tenant's creators.

    Returns:
        How many somebody listens to.
    """
    noted = 0
    for one in happenings:
        noted += connection.execute(
            _NOTE,
            {
                "kind": one.kind.value,
                "creator": one.creator_id,
                "fan": one.fan_id,
                "turn": one.turn,
                "at": one.happened_at,
                "facts": Jsonb(one.facts),
            },
        ).rowcount
    return noted


def forget(connection: Connection, waiting: Sequence[UUID]) -> None:
    """Remove happenings that every automation has looked at."""
    connection.execute("DELETE FROM happenings WHERE id = ANY (%s)", (list(waiting),))


def forget_fan(connection: Connection, fan_id: UUID) -> None:
    """Forget what happened to a fan, and what automations did because of it."""
    connection.execute("DELETE FROM happenings WHERE fan_id = %s", (fan_id,))
    connection.execute("DELETE FROM automation_runs WHERE fan_id = %s", (fan_id,))


class Noted(BaseModel):
    """A happening that waits to be looked at."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    creator_id: UUID
    kind: HappeningKind
    happened_at: datetime
