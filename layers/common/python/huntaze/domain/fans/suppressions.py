"""Whom nobody may write to, whatever an import says."""

from typing import Literal
from uuid import UUID

from huntaze import outbox
from huntaze.db import Connection
from huntaze.errors import ConflictError, NotFoundError

type SuppressionReason = Literal["stop_word", "block", "erasure", "manual"]


class UnmatchedFanError(ConflictError):
    """The platform does not know the fan yet, so there is nothing to key a suppression on."""


def suppress(
    connection: Connection,
    fan_id: UUID,
    *,
    reason: SuppressionReason = "manual",
    by: UUID | None = None,
) -> None:
    """Let nothing be sent to the fan from now on; doing it again changes nothing.

    Raises:
        NotFoundError: The caller has no such fan.
        UnmatchedFanError: The fan has no platform id; nothing is sent to it anyway.
    """
    key = _platform_key(connection, fan_id)
    connection.execute(
        "INSERT INTO suppressions (workspace_id, creator_id, platform_key, reason, created_by)"
        " SELECT workspace_id, creator_id, %(key)s, %(reason)s, %(by)s FROM fans WHERE id = %(fan)s"
        " ON CONFLICT (workspace_id, platform_key) DO NOTHING",
        {"fan": fan_id, "key": key, "reason": reason, "by": by},
    )


def tell_of_opt_out(
    connection: Connection, *, workspace_id: UUID, creator_id: UUID, fan_id: UUID
) -> None:
    """Tell members that a fan has asked for no more, in the transaction that suppresses them."""
    outbox.add(
        connection,
        "fan.opted_out",
        workspace_id=workspace_id,
        aggregate=("fan", fan_id),
        payload={"creator_id": str(creator_id), "fan_id": str(fan_id)},
    )


def unsuppress(connection: Connection, fan_id: UUID) -> None:
    """Allow sending again: a person's decision alone. An erased fan stays suppressed.

    A fan who still blocks the creator is found to do so when the thread is opened next.

    Raises:
        NotFoundError: The caller has no such fan.
        UnmatchedFanError: The fan has no platform id.
    """
    connection.execute(
        "DELETE FROM suppressions WHERE platform_key = %s AND reason <> 'erasure'",
        (_platform_key(connection, fan_id),),
    )
    connection.execute("UPDATE fans SET blocked_at = NULL WHERE id = %s", (fan_id,))


def _platform_key(connection: Connection, fan_id: UUID) -> bytes:
    row = connection.execute(
        "SELECT platform_key FROM fans WHERE id = %s AND erased_at IS NULL", (fan_id,)
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such fan in this workspace.")
    if row[0] is None:
        raise UnmatchedFanError(
            "This fan is not matched to the platform yet: nothing is sent to it before."
        )
    return bytes(row[0])
