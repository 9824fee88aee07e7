"""Of whom figures are, and in which days: creators that the caller means, their time zone."""

from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from huntaze.db import Connection
from huntaze.domain.creators import resolve_creator
from huntaze.domain.figures.spans import Span

# Before there was anything.
_BEGINNING = date(2000, 1, 1)
_SHARES = 10_000


class Account(NamedTuple):
    """A creator's account."""

    id: UUID
    name: str
    platform: str
    currency: str


class Window(NamedTuple):
    """What a query is about: creators, and moments of which the last one is outside."""

    creators: list[UUID]
    since: datetime
    until: datetime


class Scope(NamedTuple):
    """The creators that figures are of, and the time zone that their days are counted in."""

    accounts: list[Account]
    time_zone: str

    def today(self, now: datetime) -> date:
        """The day that it is there."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def window(self, span: Span) -> Window:
        """The days of a span, as moments."""
        return Window(
            [account.id for account in self.accounts],
            self._start_of(span.since or _BEGINNING),
            self._start_of(span.until + timedelta(days=1)),
        )

    @property
    def currencies(self) -> list[str]:
        """Those of the creators, each once."""
        return sorted({account.currency for account in self.accounts})

    def _start_of(self, day: date) -> datetime:
        return datetime.combine(day, time.min, ZoneInfo(self.time_zone))


def scope_of(connection: Connection, creator_id: UUID | None) -> Scope:
    """The creator that is named, or all that the caller sees; days are the workspace's then.

    Raises:
        NotFoundError: The caller has no such creator.
    """
    if creator_id is not None:
        resolve_creator(connection, creator_id)
    rows = connection.execute(
        "SELECT id, display_name, platform, currency, time_zone FROM creators"
        " WHERE %(id)s::uuid IS NULL OR id = %(id)s ORDER BY created_at, id",
        {"id": creator_id},
    ).fetchall()
    accounts = [Account(*row[:4]) for row in rows]
    if len(rows) == 1:
        return Scope(accounts, rows[0][4])
    found: tuple[Any, ...] | None = connection.execute(
        "SELECT time_zone FROM workspace_settings"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid"
    ).fetchone()
    return Scope(accounts, found[0] if found and found[0] else "UTC")


def change_of(value: int, past: int) -> int | None:
    """By how much a value grew, in hundredths of a percent; from nothing, nobody can say."""
    return round((value - past) * _SHARES / past) if past > 0 else None
