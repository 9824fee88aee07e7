"""What a workspace's plan allows: the one place that looks at limits and features.

A refusal is 402 and names the least plan that would allow it, or 403 when none would. Whoever adds
holds a lock of the workspace until the transaction ends: two that fit alone but not together never
both pass. What a plan does not allow any more is kept, it can be read and removed; only
adding and sending are refused (ADR 0016).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from huntaze.db import Connection
from huntaze.domain.billing.plans import FREE, Feature, Limit, Plan, catalogue
from huntaze.errors import ForbiddenError, NotFoundError, PaymentRequiredError

# How a refusal speaks of a limit.
_WORDS: dict[Limit, str] = {
    Limit.CREATORS: "creators",
    Limit.MEMBERS: "members",
    Limit.MESSAGES: "messages a month",
    Limit.AI_BUDGET_CENTS: "US cents of AI a month",
}
_FEATURES: dict[Feature, str] = {
    Feature.SENDING: "Sending messages",
    Feature.AB_TESTS: "A campaign with several texts or a holdout",
    Feature.AUTOMATIONS: "Automations",
    Feature.CHATBOT: "The chatbot",
}
_USED: dict[Limit, LiteralString] = {
    Limit.CREATORS: "SELECT count(*) FROM creators WHERE workspace_id = %s",
    Limit.MEMBERS: "SELECT count(*) FROM members WHERE workspace_id = %s",
    Limit.MESSAGES: (
        "SELECT coalesce(sum(messages), 0)::bigint FROM message_usage"
        " WHERE workspace_id = %s AND month = usage_month(clock_timestamp())"
    ),
}


@dataclass(frozen=True)
class Entitlements:
    """The plan in force.

    Args:
        plan: What counts now.
        bought: What the workspace has, in force or not: a trial that is over counts as free.
        until: When the plan stops to count; None: not by itself.
        trial_ends_at: When the trial ends or has ended.
    """

    plan: Plan
    bought: str
    until: datetime | None
    trial_ends_at: datetime


def current(connection: Connection, workspace_id: UUID) -> Entitlements:
    """Read what a workspace may do now.

    Raises:
        NotFoundError: There is no such workspace.
    """
    row = connection.execute(
        "SELECT plan, plan_until, trial_ends_at,"
        " plan_until IS NULL OR plan_until > clock_timestamp() FROM workspaces WHERE id = %s",
        (workspace_id,),
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such workspace.")
    bought, until, trial_ends_at, in_force = row
    plan = catalogue().find(bought) if in_force else None
    return Entitlements(plan or free_plan(), bought, until, trial_ends_at)


def free_plan() -> Plan:
    """What remains when nothing is paid."""
    plan = catalogue().find(FREE)
    if plan is None:
        raise LookupError(f"plans.json has no plan {FREE}.")
    return plan


def used(connection: Connection, workspace_id: UUID, limit: Limit) -> int:
    """How much of a limit is taken."""
    row = connection.execute(_USED[limit], (workspace_id,)).fetchone()
    return int(row[0]) if row else 0


def includes(connection: Connection, workspace_id: UUID, feature: Feature) -> bool:
    """Whether the plan has a feature now."""
    return feature in current(connection, workspace_id).plan.features


def require(connection: Connection, workspace_id: UUID, feature: Feature) -> Entitlements:
    """Refuse a feature that the plan has not.

    Raises:
        PaymentRequiredError: Another plan has it.
        ForbiddenError: No plan has it.
    """
    found = current(connection, workspace_id)
    if feature not in found.plan.features:
        raise _refusal(
            f"{_FEATURES[feature]} is not part of the plan {found.plan.names['en']}.",
            next((plan for plan in catalogue().for_sale if feature in plan.features), None),
        )
    return found


def require_ai(connection: Connection, workspace_id: UUID) -> None:
    """Refuse work for models where the plan includes none; how much is the router's to count.

    Raises:
        PaymentRequiredError: Another plan includes some.
        ForbiddenError: No plan does.
    """
    _require_within(current(connection, workspace_id).plan, Limit.AI_BUDGET_CENTS, 1)


def require_room(
    connection: Connection, workspace_id: UUID, limit: Limit, *, adding: int = 1
) -> None:
    """Refuse to pass a limit; nobody else adds to it until the caller's transaction ends.

    Args:
        connection: Inside the transaction that adds.
        workspace_id: Whose plan.
        limit: What is counted.
        adding: How many more, those that are promised but not there yet included (invitations);
            0 when they are written already.

    Raises:
        PaymentRequiredError: Another plan has room.
        ForbiddenError: No plan has.
    """
    found = current(connection, workspace_id)
    if found.plan.limits[limit] is None:
        return
    _wait_for_turn(connection, workspace_id)
    _require_within(found.plan, limit, used(connection, workspace_id, limit) + adding)


def require_sending(
    connection: Connection, workspace_id: UUID, creator_id: UUID, *, more: int = 0
) -> None:
    """Refuse messages that the plan does not include.

    Asked after the ledger was written, in the same transaction, it is exact: writing has counted
    the messages and holds the month's count until the transaction ends.

    Args:
        connection: Inside the transaction that writes the ledger.
        workspace_id: Whose plan.
        creator_id: Whose lane. A plan with fewer creators than there are lets the oldest send.
        more: Messages that are not in the ledger yet, to tell early what would be refused later.

    Raises:
        PaymentRequiredError: Another plan allows it.
        ForbiddenError: No plan allows it.
    """
    found = require(connection, workspace_id, Feature.SENDING)
    if found.plan.limits[Limit.CREATORS] is not None:
        row = connection.execute("SELECT creator_place(%s)", (creator_id,)).fetchone()
        _require_within(found.plan, Limit.CREATORS, row[0] if row and row[0] else 1)
    if found.plan.limits[Limit.MESSAGES] is not None:
        total = used(connection, workspace_id, Limit.MESSAGES) + more
        _require_within(found.plan, Limit.MESSAGES, total)


def _wait_for_turn(connection: Connection, workspace_id: UUID) -> None:
    # Not the workspace's row: whoever may check could then change it, and keys to it would wait.
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('entitlements:' || %s, 0))",
        (str(workspace_id),),
    )


def _require_within(plan: Plan, limit: Limit, amount: int) -> None:
    if plan.allows(limit, amount):
        return
    raise _refusal(
        f"The plan {plan.names['en']} includes {plan.limits[limit]} {_WORDS[limit]};"
        f" this would make {amount}.",
        next((other for other in catalogue().for_sale if other.allows(limit, amount)), None),
    )


def _refusal(sentence: str, better: Plan | None) -> PaymentRequiredError | ForbiddenError:
    if better is None:
        return ForbiddenError(f"{sentence} No plan includes more: ask us.")
    return PaymentRequiredError(
        f"{sentence} The plan {better.names['en']} includes it.", fields={"plan": better.name}
    )
