"""Fans, lists and transactions in Postgres; the writing is the domain's."""

from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from functions.fans.models import ListDraft
from huntaze.db import Connection, Tenant
from huntaze.domain import audit, erasure, fans, money
from huntaze.domain.creators import resolve_creator
from huntaze.domain.fans import Fan, FanChanges, FanDraft, FanStatus, lists
from huntaze.domain.fans.lists import FanIds, FanList
from huntaze.domain.money import Transaction
from huntaze.domain.money.models import TransactionType
from huntaze.http import Page


class FanFilter(NamedTuple):
    """Which fans a list shows."""

    creator_id: UUID | None = None
    status: FanStatus | None = None
    tier: str | None = None
    tag: str | None = None
    list_id: UUID | None = None
    # What somebody typed who looks for a fan.
    search: str | None = None


_CONDITIONS: dict[str, sql.SQL] = {
    "status": sql.SQL("f.status = %(status)s"),
    "tier": sql.SQL("f.tier = %(tier)s"),
    "tag": sql.SQL(
        "EXISTS (SELECT FROM fan_tags t WHERE t.creator_id = f.creator_id AND t.fan_id = f.id"
        " AND t.tag = %(tag)s)"
    ),
    "list_id": sql.SQL(
        "EXISTS (SELECT FROM fan_list_members m WHERE m.list_id = %(list_id)s AND m.fan_id = f.id)"
    ),
}


class PostgresFans:
    """The fans of one workspace, as far as the caller may see them."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def page(
        self, which: FanFilter, order: fans.FanOrder, *, limit: int, cursor: str | None
    ) -> Page[Fan]:
        """Read a page of a creator's fans."""
        with self._tenant.transaction() as connection:
            creator_id, condition, values = _condition(connection, which)
            if which.search is None:
                return fans.read_fans(
                    connection, condition, values, order=order, limit=limit, cursor=cursor
                )
            return fans.search_fans(
                connection,
                creator_id,
                which.search,
                condition,
                values,
                order=order,
                limit=limit,
                cursor=cursor,
            )

    def get(self, fan_id: UUID) -> Fan:
        """Read one fan."""
        with self._tenant.transaction() as connection:
            return fans.require_fan(connection, fan_id)

    def add(self, draft: FanDraft) -> Fan:
        """Store a new fan."""
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, draft.creator_id)
            return fans.create(connection, creator_id, draft)

    def change(self, fan_id: UUID, changes: FanChanges) -> Fan:
        """Change a fan."""
        with self._tenant.transaction() as connection:
            return fans.change(connection, fan_id, changes)

    def erase(self, fan_id: UUID) -> None:
        """Forget a fan."""
        with self._tenant.transaction() as connection:
            left = erasure.erase_fan(connection, self._tenant.workspace_id, fan_id, by=self._caller)
            self._record(connection, "fan.erased", fan_id)
        erasure.wake_soon(left)

    def suppress(self, fan_id: UUID) -> Fan:
        """Let nothing be sent to a fan."""
        with self._tenant.transaction() as connection:
            fans.suppress(connection, fan_id, by=self._caller)
            self._record(connection, "fan.suppressed", fan_id)
            return fans.require_fan(connection, fan_id)

    def unsuppress(self, fan_id: UUID) -> None:
        """Allow sending to a fan again."""
        with self._tenant.transaction() as connection:
            fans.unsuppress(connection, fan_id)
            self._record(connection, "fan.unsuppressed", fan_id)

    def _record(self, connection: Connection, action: str, fan_id: UUID) -> None:
        audit.record(connection, action, audit.Target("fan", fan_id), actor_id=self._caller)

    def lists(self, creator_id: UUID | None, *, limit: int, cursor: str | None) -> Page[FanList]:
        """Read a page of a creator's lists."""
        with self._tenant.transaction() as connection:
            creator = resolve_creator(connection, creator_id)
            return lists.read_lists(connection, creator, limit=limit, cursor=cursor)

    def get_list(self, list_id: UUID) -> FanList:
        """Read one list."""
        with self._tenant.transaction() as connection:
            return lists.require_list(connection, list_id)

    def add_list(self, draft: ListDraft) -> FanList:
        """Make a list."""
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, draft.creator_id)
            return lists.create_list(connection, creator_id, draft.name)

    def delete_list(self, list_id: UUID) -> None:
        """Delete a list."""
        with self._tenant.transaction() as connection:
            lists.delete_list(connection, list_id)

    def add_to_list(self, list_id: UUID, fan_ids: FanIds) -> FanList:
        """Put fans on a list."""
        with self._tenant.transaction() as connection:
            return lists.add_to_list(connection, list_id, fan_ids)

    def remove_from_list(self, list_id: UUID, fan_ids: FanIds) -> FanList:
        """Take fans off a list."""
        with self._tenant.transaction() as connection:
            return lists.remove_from_list(connection, list_id, fan_ids)

    def transactions(
        self,
        creator_id: UUID | None,
        fan_id: UUID | None,
        of_type: TransactionType | None,
        *,
        limit: int,
        cursor: str | None,
    ) -> Page[Transaction]:
        """Read a page of a creator's transactions, or of one fan's."""
        with self._tenant.transaction() as connection:
            if fan_id is not None and creator_id is None:
                creator_id = fans.require_fan(connection, fan_id).creator_id
            return money.read_transactions(
                connection,
                resolve_creator(connection, creator_id),
                fan_id=fan_id,
                of_type=of_type,
                limit=limit,
                cursor=cursor,
            )


def _condition(
    connection: Connection, which: FanFilter
) -> tuple[UUID, sql.Composed, dict[str, object]]:
    creator_id = resolve_creator(connection, which.creator_id)
    if which.list_id is not None:
        lists.require_list(connection, which.list_id)
    asked = {
        name: value
        for name, value in which._asdict().items()
        if name not in {"creator_id", "search"} and value is not None
    }
    conditions = [
        sql.SQL("f.creator_id = %(creator)s AND f.erased_at IS NULL"),
        *(_CONDITIONS[name] for name in asked),
    ]
    return creator_id, sql.SQL(" AND ").join(conditions), {**asked, "creator": creator_id}
