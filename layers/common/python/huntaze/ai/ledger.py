"""The books of what models cost, in Postgres: reserve, call, settle (ADR 0021).

It has a connection of its own, beside the one of the request: a reserve is committed before the
provider is called and is settled whatever becomes of the request.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from psycopg.types.json import Jsonb

from huntaze import correlation
from huntaze.ai.models import Decision, Hop, Request
from huntaze.ai.prices import NANOS_PER_CENT
from huntaze.db import Connection, ConnectionSource
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Limit, catalogue
from huntaze.errors import ForbiddenError, PaymentRequiredError

# Providers keep a prefix where requests with the same key go, and spread them elsewhere above so
# many in a minute. The window is longer, for what lies between our clock and theirs.
USES_OF_A_KEY = 15
_WINDOW = timedelta(seconds=65)


@dataclass(frozen=True)
class Reserve:
    """What is set aside for one call.

    Args:
        call_id: Of the call; its cost row and its bill have the same id.
        hop: Who is called.
        nanos: What it may cost at most.
        lease: After it, a call that was not settled has died.
        prefix: The name of the prefix that the provider shall keep; None: too short for that.
    """

    call_id: UUID
    hop: Hop
    nanos: int
    lease: timedelta
    prefix: str | None


@dataclass(frozen=True)
class Grant:
    """What the books say to a reserve.

    Args:
        granted: Whether it was made.
        may_degrade: Whether the workspace takes less rather than nothing.
        resets_at: When there is room again; None when there is.
        shard: Which key of the prefix to use.
    """

    granted: bool
    may_degrade: bool
    resets_at: datetime | None
    shard: int | None


@dataclass(frozen=True)
class Settlement:
    """What a call did cost.

    Args:
        nanos: Its cost.
        billed: Whether the workspace pays; not for what is only presumed to have been used.
        facts: The rest of the cost row.
    """

    nanos: int
    billed: bool
    facts: dict[str, Any]


@dataclass(frozen=True)
class Opening:
    """A generation as it begins: what is asked for, and what the router decided."""

    generation_id: UUID
    request: Request
    decision: Decision

    @property
    def workspace_id(self) -> UUID:
        """Whose books they are."""
        return self.request.workspace_id


@dataclass(frozen=True)
class End:
    """How a generation ended.

    Args:
        result: ``answered``, or the code of the refusal.
        hop: Who answered.
        cached: Whether the answer was there already.
    """

    result: str
    hop: Hop | None = None
    cached: bool = False


class Ledger(Protocol):
    """The books, as the router sees them."""

    def reserve(self, opening: Opening, reserve: Reserve) -> Grant:
        """Write down what was decided, and set aside what a call may cost if there is room."""
        ...

    def settle(
        self, opening: Opening, reserve: Reserve, settlement: Settlement, end: End | None = None
    ) -> None:
        """Turn a reserve into a cost."""
        ...

    def release(self, opening: Opening, reserve: Reserve) -> None:
        """Take back the reserve of a call that did not cost anything."""
        ...

    def end(self, opening: Opening, end: End) -> None:
        """Write down how a generation ended that no call ends."""
        ...

    def note_hit(self, opening: Opening, call_id: UUID, facts: dict[str, Any], end: End) -> None:
        """Write down that an answer was there already and cost nothing."""
        ...


class PostgresLedger:
    """The books of all workspaces, one at a time.

    What it asks of the database is one statement where it can be: somebody waits. Such a statement
    enters the workspace by itself.

    Args:
        source: Lends a connection with the role ``app`` that nobody else uses meanwhile.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def reserve(self, opening: Opening, reserve: Reserve) -> Grant:
        """Write down what was decided, and set aside what a call may cost if there is room.

        Raises:
            PaymentRequiredError: The plan has no AI at all.
        """
        with self._source.connection() as connection:
            row = connection.execute(
                "SELECT granted, resets_at, over_budget, shard, in_force FROM"
                " ai_reserve(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(opening.workspace_id, Jsonb(_as_json(opening)), reserve.call_id),
                    *(reserve.hop.provider.value, reserve.hop.model, reserve.nanos, reserve.lease),
                    *(Jsonb(monthly_caps()), reserve.prefix, USES_OF_A_KEY, _WINDOW),
                ),
            ).fetchone()
        if row is None:
            raise LookupError("ai_reserve answers with one row")
        granted, resets_at, over_budget, shard, in_force = row
        if not granted:
            _require_ai(in_force)
        return Grant(granted, over_budget == "degrade", resets_at, shard)

    def settle(
        self, opening: Opening, reserve: Reserve, settlement: Settlement, end: End | None = None
    ) -> None:
        """Turn a reserve into a cost and bill it, once however often it is told."""
        with self._source.connection() as connection:
            connection.execute(
                "SELECT ai_settle(%s, %s, %s, %s, %s, %s)",
                (
                    *(opening.workspace_id, reserve.call_id, settlement.nanos, settlement.billed),
                    *(Jsonb(settlement.facts), _ending(end)),
                ),
            )

    def release(self, opening: Opening, reserve: Reserve) -> None:
        """Take back the reserve of a call that did not cost anything."""
        with self._source.connection() as connection:
            connection.execute("SELECT ai_release(%s, %s)", (opening.workspace_id, reserve.call_id))

    def end(self, opening: Opening, end: End) -> None:
        """Write down how a generation ended that no call ends."""
        with self._source.connection() as connection, connection.transaction():
            _write_whole(connection, opening, end)

    def note_hit(self, opening: Opening, call_id: UUID, facts: dict[str, Any], end: End) -> None:
        """Write down that an answer was there already and cost nothing."""
        hop = end.hop or opening.decision.hops[0]
        with self._source.connection() as connection, connection.transaction():
            _write_whole(connection, opening, end)
            connection.execute(
                "INSERT INTO ai_calls (workspace_id, id, generation_id, state, provider, model,"
                " reserved_nanos, reserved_at, leased_until, settled_at, cost_nanos, facts)"
                " SELECT %s, %s, %s, 'settled', %s, %s, 0, at, at, at, 0, %s"
                " FROM (SELECT clock_timestamp() AS at) now",
                (
                    *(opening.workspace_id, call_id, opening.generation_id),
                    *(hop.provider.value, hop.model, Jsonb(facts)),
                ),
            )


def _write_whole(connection: Connection, opening: Opening, end: End) -> None:
    connection.execute("SELECT ai_open(%s, %s)", (opening.workspace_id, Jsonb(_as_json(opening))))
    connection.execute(
        "SELECT ai_end(%s, %s, %s)", (opening.workspace_id, opening.generation_id, _ending(end))
    )


def _as_json(opening: Opening) -> dict[str, Any]:
    request, decision = opening.request, opening.decision
    work = correlation.current()
    return {
        "id": str(opening.generation_id),
        "creator_id": request.creator_id and str(request.creator_id),
        "campaign_id": request.campaign_id and str(request.campaign_id),
        "correlation_id": work and str(work.correlation_id),
        "task": request.task,
        "agent": request.agent,
        "complexity": decision.complexity,
        "critical": request.critical,
        "prompt_version": request.prompt_version,
        "tier": decision.tier.value,
        "reason": decision.reason.value,
        "hops": [hop.circuit for hop in decision.hops],
    }


def _ending(end: End | None) -> Jsonb | None:
    if end is None:
        return None
    return Jsonb(
        {
            "result": end.result,
            "provider": end.hop.provider.value if end.hop else None,
            "model": end.hop.model if end.hop else None,
            "cached": end.cached,
        }
    )


def monthly_caps() -> dict[str, int | None]:
    """What each plan includes in a month, in billionths of a dollar; None: no end."""
    limits = {plan.name: plan.limits[Limit.AI_BUDGET_CENTS] for plan in catalogue().plans}
    return {
        name: None if cents is None else cents * NANOS_PER_CENT for name, cents in limits.items()
    }


def _require_ai(in_force: str) -> None:
    """Refuse a plan that includes no AI at all.

    Raises:
        PaymentRequiredError: Another plan does.
        ForbiddenError: No plan does.
    """
    plan = catalogue().find(in_force) or entitlements.free_plan()
    if plan.allows(Limit.AI_BUDGET_CENTS, 1):
        return
    sentence = f"The plan {plan.names['en']} includes no AI."
    better = next(
        (one for one in catalogue().for_sale if one.allows(Limit.AI_BUDGET_CENTS, 1)), None
    )
    if better is None:
        raise ForbiddenError(f"{sentence} No plan does.")
    raise PaymentRequiredError(
        f"{sentence} The plan {better.names['en']} does.", fields={"plan": better.name}
    )


@dataclass(frozen=True)
class Room:
    """What is left of a workspace's budget.

    Args:
        nanos: In billionths of a US dollar; None: no end. Reserves of calls in flight are gone.
        may_degrade: Whether the workspace takes less rather than nothing.
        resets_at: When the tighter one of its day and its month begins anew.
    """

    nanos: int | None
    may_degrade: bool
    resets_at: datetime


def room_of(connection: Connection, workspace_id: UUID) -> Room:
    """Tell what is left; only a reserve holds it.

    Raises:
        PaymentRequiredError: The plan has no AI at all.
    """
    in_force = entitlements.current(connection, workspace_id).plan.name
    _require_ai(in_force)
    row = connection.execute(
        "SELECT least(%(cap)s::bigint, b.monthly_cents * %(cent)s) - coalesce(month.used, 0),"
        " b.daily_cents * %(cent)s - coalesce(day.used, 0),"
        " coalesce(b.over_budget, 'degrade') = 'degrade',"
        " (usage_month(now.at) + interval '1 month') AT TIME ZONE 'UTC',"
        " (now.today + interval '1 day') AT TIME ZONE 'UTC'"
        " FROM (SELECT clock_timestamp() AS at,"
        "              (clock_timestamp() AT TIME ZONE 'UTC')::date AS today) now"
        " LEFT JOIN ai_budgets b ON b.workspace_id = %(workspace)s"
        " LEFT JOIN LATERAL (SELECT s.spent_nanos + s.reserved_nanos AS used FROM ai_spending s"
        "   WHERE s.workspace_id = %(workspace)s AND s.period = 'month'"
        "     AND s.starts_on = usage_month(now.at)) month ON true"
        " LEFT JOIN LATERAL (SELECT s.spent_nanos + s.reserved_nanos AS used FROM ai_spending s"
        "   WHERE s.workspace_id = %(workspace)s AND s.period = 'day'"
        "     AND s.starts_on = now.today) day ON true",
        {
            "cap": monthly_caps()[in_force],
            "cent": NANOS_PER_CENT,
            "workspace": workspace_id,
        },
    ).fetchone()
    if row is None:
        raise LookupError("the time of day is one row")
    of_month, of_day, may_degrade, month_ends, day_ends = row
    if of_day is not None and (of_month is None or of_day < of_month):
        return Room(of_day, may_degrade, day_ends)
    return Room(of_month, may_degrade, month_ends)
