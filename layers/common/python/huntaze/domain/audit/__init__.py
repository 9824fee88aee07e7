"""The audit log: who did what in a workspace, as a chain of hashes.

The database computes the chain (migration 0018). The same hash stands here once more, so that
entries that were taken away from the database can be verified with nothing but themselves.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field

from huntaze.db import Connection

_START = "00" * 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ActorKind(StrEnum):
    """What kind of party acts."""

    MEMBER = "member"
    WORKFLOW = "workflow"
    OPERATOR = "operator"
    STRIPE = "stripe"


class Entry(BaseModel):
    """One line of the log; hashes are hexadecimal."""

    workspace_id: UUID
    sequence: int
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    action: str = Field(description="As `thing.what_happened`, e.g. `creator.connected`.")
    target_kind: str
    target_id: UUID | None
    facts: str = Field(description="A JSON object, as it was hashed.")
    previous_hash: str
    hash: str

    def computed_hash(self) -> str:
        """The hash that the entry must have."""
        lines = (
            self.workspace_id,
            self.sequence,
            # Whole microseconds: a float would not hold them exactly.
            (self.at - _EPOCH) // timedelta(microseconds=1),
            self.actor_kind,
            self.actor_id or "-",
            self.action,
            self.target_kind,
            self.target_id or "-",
            self.facts,
        )
        text = "\n".join(map(str, lines))
        return hashlib.sha256(bytes.fromhex(self.previous_hash) + text.encode()).hexdigest()


class Verdict(BaseModel):
    """Whether a chain is whole."""

    intact: bool
    entries: int
    first_broken: int | None = Field(
        description="The sequence of the first entry that was changed, removed or put in."
    )
    head: str | None = Field(description="The last hash; keep it to prove later what stood here.")


class Target(NamedTuple):
    """What was acted upon."""

    kind: str
    id: UUID | None


def record(
    connection: Connection,
    action: str,
    target: Target,
    *,
    actor_id: UUID | None,
    actor_kind: ActorKind = ActorKind.MEMBER,
    facts: dict[str, Any] | None = None,
) -> None:
    """Add an entry to the chain of the workspace, with the commit of the caller's transaction.

    Args:
        connection: Inside the transaction of what is recorded.
        action: As ``thing.what_happened``.
        target: Kind and id of the thing.
        actor_id: The member; None for what acts by itself.
        actor_kind: What kind of party acts.
        facts: Ids, numbers and states; never names, addresses or texts.
    """
    connection.execute(
        "INSERT INTO audit_log (workspace_id, actor_kind, actor_id, action, target_kind,"
        " target_id, facts)"
        " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s, %s)",
        (
            actor_kind,
            actor_id,
            action,
            target.kind,
            target.id,
            json.dumps(facts or {}, sort_keys=True, separators=(",", ":")),
        ),
    )


def verify(entries: Iterable[Entry]) -> Verdict:
    """Verify a whole chain, oldest entry first, without the database."""
    previous, count = _START, 0
    for count, entry in enumerate(entries, start=1):
        follows = entry.sequence == count and entry.previous_hash == previous
        if not follows or entry.hash != entry.computed_hash():
            return Verdict(intact=False, entries=count, first_broken=count, head=previous)
        previous = entry.hash
    return Verdict(intact=True, entries=count, first_broken=None, head=previous if count else None)
