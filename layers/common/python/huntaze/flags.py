"""Feature flags: which workspaces a feature has reached. One item a flag, in DynamoDB.

A feature asks `is_on`; operators alone change what it answers. A function believes what it read for
a few seconds, so that asking costs nothing and a change arrives soon.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from huntaze import clients
from huntaze.errors import ConflictError
from huntaze.settings import Settings, load

# How long a function believes what it read, also that the store did not answer.
BELIEVED = 15.0
_PERCENT = 100

log = logging.getLogger(__name__)


class Flag(StrEnum):
    """The features that can be held back."""

    HYBRID_CAMPAIGNS = "hybrid_campaigns"


# What holds while nobody has said anything, or the store does not answer and never has.
_DEFAULT_SHARE: dict[Flag, int] = {Flag.HYBRID_CAMPAIGNS: 100}


class FlagChangedError(ConflictError):
    """Somebody else has changed the flag meanwhile: read it again."""


class FlagsSettings(Settings):
    """Where flags are kept."""

    feature_flags_table: str


class Rollout(BaseModel):
    """How far a feature has come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share_percent: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="The share of all workspaces that have the feature: always the same ones,"
            " and a larger share has those of a smaller one. 0 is nobody, 100 everybody.",
        ),
    ]
    workspaces: Annotated[
        frozenset[UUID],
        Field(max_length=200, description="Workspaces that have the feature whatever the share."),
    ] = frozenset()

    def reaches(self, flag: Flag, workspace_id: UUID) -> bool:
        """Whether a workspace has the feature."""
        return workspace_id in self.workspaces or place_of(flag, workspace_id) < self.share_percent


class FlagState(BaseModel):
    """A rollout, and who said so when; version 0 is the default that nobody has changed."""

    model_config = ConfigDict(frozen=True)

    rollout: Rollout
    version: int = 0
    changed_by: UUID | None = None
    changed_at: datetime | None = None


def place_of(flag: Flag, workspace_id: UUID) -> int:
    """The place of a workspace from 0 to 99, by chance but always the same.

    Each flag has an order of its own: the same workspaces must not be the first for everything.
    """
    draw = hashlib.sha256(f"{flag.value}/{workspace_id}".encode()).digest()
    return int.from_bytes(draw[:8]) % _PERCENT


def default_of(flag: Flag) -> FlagState:
    """What holds while nobody has said anything."""
    return FlagState(rollout=Rollout(share_percent=_DEFAULT_SHARE[flag]))


class DynamoFlags:
    """The flags of a stage.

    Args:
        table: Where they are.
        clock: Seconds that only grow.
    """

    def __init__(self, table: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._clock = clock
        self._believed: dict[Flag, tuple[float, FlagState]] = {}

    def is_on(self, flag: str, workspace_id: UUID) -> bool:
        """Whether a workspace has the feature; what was known last while the store is away.

        Raises:
            ValueError: There is no such flag.
        """
        known = Flag(flag)
        return self._state(known).rollout.reaches(known, workspace_id)

    def read(self, flag: Flag) -> FlagState:
        """What is said of a flag right now."""
        found = clients.dynamodb().get_item(
            TableName=self._table, Key={"flag": {"S": flag.value}}, ConsistentRead=True
        )
        item = found.get("Item")
        return default_of(flag) if item is None else _state_of(item)

    def roll_out(self, flag: Flag, rollout: Rollout, *, version: int, by: UUID) -> FlagState:
        """Write what holds from now on.

        Args:
            flag: Which.
            rollout: How far it shall come.
            version: Of the state that the caller has seen.
            by: Who says so.

        Raises:
            FlagChangedError: The caller has not seen what holds now.
        """
        now = datetime.now(UTC)
        state = FlagState(rollout=rollout, version=version + 1, changed_by=by, changed_at=now)
        self._write(flag, state)
        return state

    def forget_workspace(self, workspace_id: UUID) -> int:
        """Take a workspace that is erased out of every flag; return how many named it.

        Ask again until none does: an operator may be quicker with one. Who changed a flag last and
        when stays, for nobody decided anything anew. The version grows all the same, so that an
        operator who has seen the workspace there does not bring it back.
        """
        found = 0
        for flag in Flag:
            state = self.read(flag)
            named = state.rollout.workspaces
            if workspace_id in named:
                found += 1
                rollout = state.rollout.model_copy(update={"workspaces": named - {workspace_id}})
                changes = {"rollout": rollout, "version": state.version + 1}
                with suppress(FlagChangedError):
                    self._write(flag, state.model_copy(update=changes))
        return found

    def _write(self, flag: Flag, state: FlagState) -> None:
        """Store the state that follows the one that the caller has seen."""
        try:
            clients.dynamodb().put_item(
                TableName=self._table,
                Item=_item_of(flag, state),
                ConditionExpression="version = :seen OR attribute_not_exists(flag)",
                ExpressionAttributeValues={":seen": _number(state.version - 1)},
            )
        except clients.dynamodb().exceptions.ConditionalCheckFailedException:
            raise FlagChangedError(
                "Somebody else has changed this flag; read it again and decide anew."
            ) from None
        self._believed.pop(flag, None)

    def _state(self, flag: Flag) -> FlagState:
        now = self._clock()
        believed = self._believed.get(flag)
        if believed is not None and now - believed[0] < BELIEVED:
            return believed[1]
        try:
            state = self.read(flag)
        except clients.aws_errors():
            log.warning("a feature flag cannot be read", extra={"flag": flag.value})
            state = default_of(flag) if believed is None else believed[1]
        self._believed[flag] = (now, state)
        return state


@cache
def flags() -> DynamoFlags:
    """The flags of this function's stage."""
    return DynamoFlags(load(FlagsSettings).feature_flags_table)


def is_on(flag: str, workspace_id: UUID) -> bool:
    """Whether a workspace has a feature; see `DynamoFlags.is_on`."""
    return flags().is_on(flag, workspace_id)


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _item_of(flag: Flag, state: FlagState) -> dict[str, Any]:
    return {
        "flag": {"S": flag.value},
        "share_percent": _number(state.rollout.share_percent),
        "workspaces": {"L": [{"S": str(one)} for one in sorted(state.rollout.workspaces)]},
        "version": _number(state.version),
        "changed_by": {"S": str(state.changed_by)},
        "changed_at": {"S": f"{state.changed_at:%Y-%m-%dT%H:%M:%S.%f+00:00}"},
    }


def _state_of(item: dict[str, Any]) -> FlagState:
    return FlagState(
        rollout=Rollout(
            share_percent=int(item["share_percent"]["N"]),
            workspaces=frozenset(UUID(one["S"]) for one in item["workspaces"]["L"]),
        ),
        version=int(item["version"]["N"]),
        changed_by=UUID(item["changed_by"]["S"]),
        changed_at=datetime.fromisoformat(item["changed_at"]["S"]),
    )
