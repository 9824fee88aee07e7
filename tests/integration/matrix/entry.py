"""What the matrix of operations needs to know of each of them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from huntaze.auth import Right

# Ids of a workspace by what they are of.
type Ids = Mapping[str, str]
type Body = Callable[[Ids], dict[str, Any]]


class Entry(NamedTuple):
    """What an operation needs.

    Args:
        right: What the role must have; None is nothing but being a member.
        body: Makes a body that it takes.
        conflict: The workspace of the test is in no state for it; whoever may call gets 409.
        ended: It is for a campaign that has ended.
        of_caller: It is about the caller alone, whatever creators the caller may see.
        operator: It is for operators of the platform, whatever their role in a workspace.
    """

    right: Right | None
    body: Body | None = None
    conflict: bool = False
    ended: bool = False
    of_caller: bool = False
    operator: bool = False


def named(**more: Any) -> Body:
    """Make a body for something of a creator that has a name."""
    return lambda ids: {"creator_id": ids["creator_id"], "name": "n", **more}


def chosen(**more: Any) -> Body:
    """Make a body for a creator."""
    return lambda ids: {"creator_id": ids["creator_id"], **more}


def under(prefix: str, entries: dict[tuple[str, str], Entry]) -> dict[tuple[str, str], Entry]:
    """Entries whose paths begin with a prefix."""
    return {(method, prefix + path): entry for (method, path), entry in entries.items()}
