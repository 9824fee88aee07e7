"""Single changes of a fan that automations make: a tag more or less, and who looks after them."""

from uuid import UUID

from huntaze.db import Connection
from huntaze.domain.fans.models import MAX_TAGS
from huntaze.errors import ConflictError, InvalidInputError


class TooManyTagsError(ConflictError):
    """The fan has as many tags as a fan may have."""


def add_tag(connection: Connection, fan_id: UUID, tag: str) -> bool:
    """Give a fan a tag; return whether it is new.

    Raises:
        TooManyTagsError: There is no room for it.
    """
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE tag = %s) FROM fan_tags WHERE fan_id = %s",
        (tag, fan_id),
    ).fetchone()
    held, same = row or (0, 0)
    if same:
        return False
    if held >= MAX_TAGS:
        raise TooManyTagsError(f"The fan has {MAX_TAGS} tags, the most that a fan may have.")
    added = connection.execute(
        "INSERT INTO fan_tags (workspace_id, fan_id, creator_id, tag)"
        " SELECT workspace_id, id, creator_id, %s FROM fans WHERE id = %s AND erased_at IS NULL"
        " ON CONFLICT (workspace_id, fan_id, tag) DO NOTHING",
        (tag, fan_id),
    )
    return added.rowcount > 0


def remove_tag(connection: Connection, fan_id: UUID, tag: str) -> bool:
    """Take a tag from a fan; return whether they had it."""
    removed = connection.execute(
        "DELETE FROM fan_tags WHERE fan_id = %s AND tag = %s", (fan_id, tag)
    )
    return removed.rowcount > 0


def require_caretaker(connection: Connection, creator_id: UUID, member_id: UUID) -> None:
    """Refuse who could not look after a creator's fans.

    Raises:
        InvalidInputError: The workspace has no such member, or they may not see the creator.
    """
    found = connection.execute(
        "SELECT FROM members WHERE user_id = %s AND role <> 'analyst'"
        " AND (creator_scope IS NULL OR %s = ANY (creator_scope))"
        # Who is being removed, or given another place, is not given a fan meanwhile.
        " FOR SHARE",
        (member_id, creator_id),
    ).fetchone()
    if found is None:
        problem = "not a member who may answer this creator's fans"
        raise InvalidInputError(f"{member_id} is {problem}.", fields={"member_id": problem})


def release_unseen(connection: Connection, member_id: UUID) -> None:
    """Let nobody look after the fans whom a member may not answer any more."""
    connection.execute(
        "UPDATE fans f SET assigned_to = NULL, updated_at = clock_timestamp() FROM members m"
        " WHERE m.user_id = %s AND f.workspace_id = m.workspace_id AND f.assigned_to = m.user_id"
        " AND (m.role = 'analyst' OR NOT f.creator_id = ANY (m.creator_scope))",
        (member_id,),
    )


def assign(connection: Connection, fan_id: UUID, member_id: UUID | None) -> bool:
    """Have a member look after a fan; return whether it was somebody else before."""
    changed = connection.execute(
        "UPDATE fans SET assigned_to = %(member)s, updated_at = clock_timestamp()"
        " WHERE id = %(fan)s AND erased_at IS NULL AND assigned_to IS DISTINCT FROM %(member)s",
        {"fan": fan_id, "member": member_id},
    )
    return changed.rowcount > 0
