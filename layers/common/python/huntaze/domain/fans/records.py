"""One fan at a time: made, changed and erased by a person."""

from uuid import UUID

from psycopg import sql

from huntaze.db import Connection
from huntaze.domain.fans.keys import keyring
from huntaze.domain.fans.models import Fan, FanChanges, FanDraft
from huntaze.domain.fans.reading import require_fan
from huntaze.domain.fans.suppressions import suppress, unsuppress
from huntaze.errors import ConflictError, InvalidInputError
from huntaze.ids import new_id

_NEVER_EMPTY = ("handle", "status", "tier", "tags")


class FanExistsError(ConflictError):
    """The creator has a fan with that platform id."""


class FanErasedError(ConflictError):
    """That person has asked to be forgotten."""


class FanMatchedError(ConflictError):
    """The fan is matched to another platform id."""


def create(connection: Connection, creator_id: UUID, draft: FanDraft) -> Fan:
    """Store a new fan.

    Raises:
        FanExistsError: The creator has one with that platform id.
        FanErasedError: The person of that platform id was erased.
    """
    fan_id = new_id()
    values = draft.model_dump(exclude={"creator_id", "tags"})
    values |= {"id": fan_id, "creator_id": creator_id}
    values["platform_key"] = _free_key(connection, creator_id, draft.platform_id)
    made = connection.execute(
        sql.SQL(
            "INSERT INTO fans (workspace_id, {names})"
            " VALUES (current_setting('app.workspace_id')::uuid, {values})"
            " ON CONFLICT (workspace_id, creator_id, platform_id) DO NOTHING"
        ).format(
            names=sql.SQL(", ").join(map(sql.Identifier, values)),
            values=sql.SQL(", ").join(map(sql.Placeholder, values)),
        ),
        values,
    )
    if made.rowcount == 0:
        raise FanExistsError(f"This creator has a fan with the platform id {draft.platform_id}.")
    _replace_tags(connection, fan_id, creator_id, draft.tags)
    return require_fan(connection, fan_id)


def change(connection: Connection, fan_id: UUID, changes: FanChanges) -> Fan:
    """Change what ``changes`` names.

    Raises:
        NotFoundError: The caller has no such fan.
        InvalidInputError: A field that must have a value would be emptied.
        FanMatchedError: The fan has another platform id, which is the platform's to change.
        FanExistsError: Another fan has the platform id.
        FanErasedError: The person of the platform id was erased.
    """
    values = changes.model_dump(exclude_unset=True)
    if emptied := [name for name in _NEVER_EMPTY if name in values and values[name] is None]:
        raise InvalidInputError(
            "Some fields cannot be empty: " + ", ".join(emptied) + ".",
            fields=dict.fromkeys(emptied, "cannot be empty"),
        )
    fan = require_fan(connection, fan_id)
    tags = values.pop("tags", None)
    platform_id = values.pop("platform_id", fan.platform_id)
    if platform_id != fan.platform_id:
        if fan.platform_id is not None:
            raise FanMatchedError("This fan is matched to the platform already.")
        values["platform_id"] = platform_id
        values["platform_key"] = _free_key(connection, fan.creator_id, platform_id)
    if values:
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in values
        )
        connection.execute(
            sql.SQL(
                "UPDATE fans SET {}, updated_at = clock_timestamp() WHERE id = %(fan_id)s"
            ).format(assignments),
            {**values, "fan_id": fan_id},
        )
    if tags is not None:
        _replace_tags(connection, fan_id, fan.creator_id, tags)
    return require_fan(connection, fan_id)


def erase(connection: Connection, fan_id: UUID, *, by: UUID | None = None) -> None:
    """Empty what a fan's own rows hold; the key of the platform id and the suppression stay.

    So a later import does not store the person again. What other tables and stores hold of a fan is
    ``huntaze.domain.erasure``'s to forget.

    Raises:
        NotFoundError: The caller has no such fan.
    """
    fan = require_fan(connection, fan_id)
    if fan.platform_id is not None:
        # In the place of another reason, which a person could lift.
        unsuppress(connection, fan_id)
        suppress(connection, fan_id, reason="erasure", by=by)
    connection.execute("DELETE FROM fan_tags WHERE fan_id = %s", (fan_id,))
    connection.execute("DELETE FROM fan_list_members WHERE fan_id = %s", (fan_id,))
    # Nothing is offered again to whom nothing is sent.
    connection.execute("DELETE FROM media_grants WHERE fan_id = %s", (fan_id,))
    connection.execute(
        "UPDATE fans SET erased_at = clock_timestamp(), platform_id = NULL, handle = 'erased',"
        " display_name = NULL, email = NULL, time_zone = NULL, language = NULL, notes = NULL,"
        " extra = '{}', consent = false, price_cents = NULL, rebill_on = NULL,"
        " subscribed_at = NULL, renewed_at = NULL, expires_at = NULL, last_seen_at = NULL,"
        " last_inbound_at = NULL, last_outbound_at = NULL, blocked_at = NULL, tier = 'free',"
        " assigned_to = NULL,"
        " status = 'expired',"
        " updated_at = clock_timestamp()"
        " WHERE id = %s",
        (fan_id,),
    )


def _free_key(connection: Connection, creator_id: UUID, platform_id: str | None) -> bytes | None:
    if platform_id is None:
        return None
    key = keyring(connection, creator_id).platform_key(platform_id)
    found = connection.execute(
        "SELECT platform_id FROM fans WHERE creator_id = %s"
        " AND (platform_id = %s OR (erased_at IS NOT NULL AND platform_key = %s)) LIMIT 1",
        (creator_id, platform_id, key),
    ).fetchone()
    if found is None:
        return key
    if found[0] is None:
        raise FanErasedError("The person of this platform id has asked to be forgotten.")
    raise FanExistsError(f"This creator has a fan with the platform id {platform_id}.")


def _replace_tags(connection: Connection, fan_id: UUID, creator_id: UUID, tags: list[str]) -> None:
    connection.execute(
        "DELETE FROM fan_tags WHERE fan_id = %s AND tag <> ALL (%s::text[])", (fan_id, tags)
    )
    connection.execute(
        "INSERT INTO fan_tags (workspace_id, fan_id, creator_id, tag)"
        " SELECT current_setting('app.workspace_id')::uuid, %s, %s, unnest(%s::text[])"
        " ON CONFLICT (workspace_id, fan_id, tag) DO NOTHING",
        (fan_id, creator_id, tags),
    )
