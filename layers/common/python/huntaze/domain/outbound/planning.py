"""Who gets what: one statement turns a segment into rows of the ledger."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from huntaze.db import Connection
from huntaze.domain import compliance
from huntaze.domain.audience import make_room_for_sums
from huntaze.domain.billing import entitlements
from huntaze.domain.outbound.states import Priority, SendState
from huntaze.domain.outbound.texts import Template, text_hash, to_sql
from huntaze.errors import NotFoundError
from huntaze.ids import new_id

_SHARES = 10_000


@dataclass(frozen=True)
class Variant:
    """One text of an A/B test and its share of the fans of a group."""

    label: str
    template: Template
    weight: int
    group: int = 0


@dataclass(frozen=True)
class Authorship:
    """Who or what wrote a text, who let it go, and whether AI was disclosed."""

    written_by: str
    author_id: UUID | None = None
    model: str | None = None
    ai_disclosed: bool = False
    approval_id: UUID | None = None


@dataclass(frozen=True)
class CampaignPlan:
    """Everything that decides a campaign's rows.

    Args:
        rules: SQL condition over ``fans f`` and its parameters, as ``audience.compile_rules``
            gives them.
        groups: Conditions like ``rules``, with parameters of other names. A fan is in the first
            whose condition holds, else in one more after the last.
        holdout_percent: Share of the eligible who get nothing, for comparison.
        due_at: Not before.
    """

    workspace_id: UUID
    creator_id: UUID
    campaign_id: UUID
    platform: str
    rules: tuple[sql.Composable, dict[str, Any]]
    variants: Sequence[Variant]
    authorship: Authorship
    groups: Sequence[tuple[sql.Composable, dict[str, Any]]] = ()
    price_cents: int = 0
    media_ids: list[UUID] = field(default_factory=list)
    holdout_percent: float = 0
    due_at: datetime | None = None


@dataclass(frozen=True)
class AudienceCount:
    """How many fans would come out in one way."""

    state: SendState
    reason: str | None
    fans: int


@dataclass(frozen=True)
class Audience:
    """What a plan would do, without doing it.

    Args:
        counts: Fans by outcome.
        digest: Changes when any fan joins, leaves or comes out differently.
    """

    counts: list[AudienceCount]
    digest: str


# Exclusions are sets joined once, not questions asked per fan: a plan of a million is one pass.
_AUDIENCE = """
  SELECT f.workspace_id, f.creator_id, f.id, f.status, f.display_name, f.handle,
         CASE
           WHEN f.platform_id IS NULL THEN 'unmatched'
           WHEN suppressed.platform_key IS NOT NULL THEN 'suppressed'
           WHEN f.blocked_at IS NOT NULL THEN 'blocked'
           WHEN f.consent IS FALSE THEN 'no_consent'
           WHEN offered.fan_id IS NOT NULL THEN 'already_offered'
           WHEN f.last_inbound_at > {due} - (
             SELECT c.recent_chat_minutes * interval '1 minute' FROM creators c
              WHERE c.workspace_id = %(plan_workspace)s AND c.id = %(plan_creator)s)
             THEN 'recent_chat'
           WHEN capped.fan_id IS NOT NULL THEN 'cap'
         END AS reason,
         (uuid_hash_extended(f.id, %(plan_seed)s) & 9223372036854775807) %% 10000 AS holdout_draw,
         (uuid_hash_extended(f.id, %(plan_seed)s + 1) & 9223372036854775807) %% 10000
           AS variant_draw,
         {segment_group} AS segment_group
    FROM fans f
    LEFT JOIN suppressions suppressed
      ON suppressed.workspace_id = f.workspace_id AND suppressed.platform_key = f.platform_key
    LEFT JOIN (
      SELECT DISTINCT g.fan_id FROM media_grants g
       WHERE g.workspace_id = %(plan_workspace)s AND g.media_id = ANY (%(plan_media)s::uuid[])
    ) offered ON offered.fan_id = f.id
    LEFT JOIN (
      SELECT s.fan_id
        FROM sends s
        JOIN creators k ON k.workspace_id = s.workspace_id AND k.id = s.creator_id
       WHERE s.workspace_id = %(plan_workspace)s AND s.creator_id = %(plan_creator)s
         AND s.state IN ('submitting', 'sent', 'unknown')
         AND s.granted_at > {due} - k.cap_hours * interval '1 hour'
       GROUP BY s.fan_id, k.cap_messages
      HAVING count(*) >= k.cap_messages
    ) capped ON capped.fan_id = f.id
   WHERE f.workspace_id = %(plan_workspace)s AND f.creator_id = %(plan_creator)s
     AND f.erased_at IS NULL
     AND ({rules})
"""

# Who has had enough today may be written to on Friday; grants ask again when the time has come.
_DUE = sql.SQL("greatest(clock_timestamp(), %(plan_due)s::timestamptz)")

_STATE = """
  CASE WHEN a.reason IS NOT NULL THEN 'skipped'
       WHEN a.holdout_draw < %(plan_holdout)s THEN 'held_out'
       ELSE 'planned' END
"""


def _audience(plan: CampaignPlan) -> tuple[sql.Composed, dict[str, Any]]:
    rules, rule_values = plan.rules
    values = {
        **rule_values,
        "plan_workspace": plan.workspace_id,
        "plan_creator": plan.creator_id,
        "plan_media": plan.media_ids,
        # The same draw for the dry run and the plan; another one for every campaign.
        "plan_seed": plan.campaign_id.int & 0x3FFF_FFFF_FFFF_FFFF,
        "plan_holdout": round(plan.holdout_percent * _SHARES / 100),
        "plan_due": plan.due_at,
    }
    group: sql.Composable = sql.SQL("0")
    if plan.groups:
        arms = []
        for number, (condition, parameters) in enumerate(plan.groups):
            values |= parameters
            arms.append(sql.SQL("WHEN {} THEN {}").format(condition, sql.Literal(number)))
        group = sql.SQL("CASE {} ELSE {} END").format(
            sql.SQL(" ").join(arms), sql.Literal(len(plan.groups))
        )
    return sql.SQL(_AUDIENCE).format(rules=rules, segment_group=group, due=_DUE), values


def _variant_cases(
    plan: CampaignPlan, values: dict[str, Any]
) -> tuple[sql.Composable, sql.Composable]:
    """Text and label of each fan's variant, by its group and its draw."""
    names = {
        "unfit": compliance.unfit_name_pattern(plan.platform),
        "suspect": compliance.suspect_name_pattern(plan.platform),
    }
    total = Counter[int]()
    for variant in plan.variants:
        total[variant.group] += variant.weight
    texts: list[sql.Composable] = []
    labels: list[sql.Composable] = []
    reached = Counter[int]()
    for index, variant in enumerate(plan.variants):
        group = variant.group
        reached[group] += variant.weight
        values[f"plan_upto{index}"] = round(reached[group] * _SHARES / total[group])
        values[f"plan_label{index}"] = variant.label
        arm = sql.SQL("WHEN {}f.variant_draw < {} THEN ").format(
            sql.SQL("f.segment_group = {} AND ").format(sql.Literal(group))
            if plan.groups
            else sql.SQL(""),
            sql.Placeholder(f"plan_upto{index}"),
        )
        texts.append(arm + to_sql(variant.template, f"plan_text{index}_", values, **names))
        labels.append(arm + sql.SQL("{}::text").format(sql.Placeholder(f"plan_label{index}")))
    return (
        sql.SQL("CASE {} END").format(sql.SQL(" ").join(texts)),
        sql.SQL("CASE {} END").format(sql.SQL(" ").join(labels)),
    )


def preview(connection: Connection, plan: CampaignPlan) -> Audience:
    """Count what :func:`plan_campaign` would do now."""
    make_room_for_sums(connection)
    audience, values = _audience(plan)
    query = sql.SQL(
        "SELECT state, reason, count(*), bit_xor(uuid_hash_extended(id, hashtext(state)))"
        " FROM (SELECT a.id, a.reason, {state} AS state FROM ({audience}) a) judged"
        " GROUP BY state, reason ORDER BY state, reason"
    ).format(state=sql.SQL(_STATE), audience=audience)
    rows = connection.execute(query, values).fetchall()
    digest = 0
    for _, _, fans, mix in rows:
        digest = (digest * 31 + mix + fans) & 0xFFFF_FFFF_FFFF_FFFF
    return Audience(
        [AudienceCount(SendState(state), reason, fans) for state, reason, fans, _ in rows],
        f"{digest:016x}",
    )


def plan_campaign(connection: Connection, plan: CampaignPlan) -> int:
    """Write one row for each fan of the audience, exclusions and holdout included.

    Repeating it adds nothing: a campaign has one row per fan.

    Returns:
        Rows written.

    Raises:
        PaymentRequiredError: The workspace's plan does not include so many messages.
    """
    make_room_for_sums(connection)
    audience, values = _audience(plan)
    text, label = _variant_cases(plan, values)
    planned_before = is_planned(connection, plan.campaign_id)
    author = plan.authorship
    values |= {
        "plan_campaign": plan.campaign_id,
        "plan_priority": int(Priority.CAMPAIGN),
        "plan_price": plan.price_cents,
        "plan_written_by": author.written_by,
        "plan_author": author.author_id,
        "plan_model": author.model,
        "plan_disclosed": author.ai_disclosed,
        "plan_approval": author.approval_id,
    }
    query = sql.SQL(
        "INSERT INTO sends (workspace_id, id, creator_id, fan_id, campaign_id, state, reason,"
        " priority, due_at, text, text_hash, price_cents, media_ids, variant, written_by, model,"
        " ai_disclosed, author_id, approval_id, compliance_passed_at, fan_status, trace)"
        " SELECT f.workspace_id, uuid7(), f.creator_id, f.id, %(plan_campaign)s, f.state, f.reason,"
        " %(plan_priority)s, coalesce(%(plan_due)s, clock_timestamp()), f.text,"
        " encode(sha256(convert_to(f.text, 'UTF8')), 'hex'), %(plan_price)s,"
        " %(plan_media)s::uuid[], f.variant, %(plan_written_by)s, %(plan_model)s,"
        " %(plan_disclosed)s, %(plan_author)s, %(plan_approval)s, clock_timestamp(), f.status,"
        # The campaign has it, once for all.
        " NULL"
        " FROM (SELECT f.*, {text} AS text, {label} AS variant"
        "       FROM (SELECT a.*, {state} AS state FROM ({audience}) a) f"
        # Folded into the outer query, the text would be made twice: for itself and for its hash.
        "       OFFSET 0) f {again}"
    ).format(
        text=text,
        label=label,
        state=sql.SQL(_STATE),
        audience=audience,
        # Asked for each row, which is a tenth of the time; of a first plan the key is guard enough.
        again=sql.SQL("ON CONFLICT (campaign_id, fan_id) DO NOTHING" if planned_before else ""),
    )
    # Compiling these many expressions costs more than running them.
    connection.execute("SET LOCAL jit = off")
    rows = connection.execute(query, values).rowcount
    entitlements.require_sending(connection, plan.workspace_id, plan.creator_id)
    return rows


def is_planned(connection: Connection, campaign_id: UUID) -> bool:
    """Whether a campaign has rows."""
    found = connection.execute("SELECT FROM sends WHERE campaign_id = %s LIMIT 1", (campaign_id,))
    return found.fetchone() is not None


@dataclass(frozen=True)
class DirectSend:
    """A message to one fan, outside any campaign.

    Args:
        due_at: Not before; None is at once.
        expected_message_id: The platform's id of the message that it answers: with a newer one in
            the thread it is not sent.
        by_itself: Let go by the owner's standing word alone, which must hold when it is granted.
    """

    workspace_id: UUID
    creator_id: UUID
    fan_id: UUID
    text: str
    authorship: Authorship
    priority: Priority
    price_cents: int = 0
    media_ids: list[UUID] = field(default_factory=list)
    due_at: datetime | None = None
    expected_message_id: str | None = None
    by_itself: bool = False


def plan_direct(connection: Connection, send: DirectSend) -> UUID:
    """Write the row of one direct message; its text has passed :mod:`huntaze.domain.compliance`.

    Raises:
        NotFoundError: The creator has no such fan.
        PaymentRequiredError: The workspace's plan does not include the message.
    """
    send_id = new_id()
    written = connection.execute(
        "INSERT INTO sends (workspace_id, id, creator_id, fan_id, priority, text, text_hash,"
        " price_cents, media_ids, written_by, model, ai_disclosed, author_id, approval_id,"
        " compliance_passed_at, fan_status, due_at, expected_message_id,"
        " by_itself)"
        " SELECT f.workspace_id, %(id)s, f.creator_id, f.id, %(priority)s, %(text)s, %(hash)s,"
        " %(price)s, %(media)s::uuid[], %(written_by)s, %(model)s, %(disclosed)s, %(author)s,"
        " %(approval)s, clock_timestamp(), f.status, coalesce(%(due_at)s, clock_timestamp()),"
        " %(expected)s, %(by_itself)s FROM fans f"
        " WHERE f.workspace_id = %(workspace)s AND f.creator_id = %(creator)s AND f.id = %(fan)s"
        " AND f.erased_at IS NULL",
        {
            "id": send_id,
            "workspace": send.workspace_id,
            "creator": send.creator_id,
            "fan": send.fan_id,
            "priority": int(send.priority),
            "text": send.text,
            "hash": text_hash(send.text),
            "price": send.price_cents,
            "media": send.media_ids,
            "written_by": send.authorship.written_by,
            "model": send.authorship.model,
            "disclosed": send.authorship.ai_disclosed,
            "author": send.authorship.author_id,
            "approval": send.authorship.approval_id,
            "due_at": send.due_at,
            "expected": send.expected_message_id,
            "by_itself": send.by_itself,
        },
    )
    if not written.rowcount:
        raise NotFoundError("There is no such fan of this creator.")
    entitlements.require_sending(connection, send.workspace_id, send.creator_id)
    return send_id


def cancel_planned(connection: Connection, campaign_id: UUID, *, most: int | None = None) -> int:
    """Cancel what has not been granted yet; what is being submitted may still arrive."""
    return connection.execute(
        "UPDATE sends SET state = 'cancelled', settled_at = clock_timestamp()"
        " WHERE id IN (SELECT id FROM sends WHERE campaign_id = %s AND state = 'planned' LIMIT %s)"
        " AND state = 'planned'",
        (campaign_id, most),
    ).rowcount


def discard_plan(connection: Connection, campaign_id: UUID) -> None:
    """Throw a plan away that nothing was sent of; a trigger refuses where something was."""
    connection.execute("DELETE FROM sends WHERE campaign_id = %s", (campaign_id,))


def totals(connection: Connection, campaign_id: UUID) -> dict[str, int]:
    """Rows of a campaign by state; some also by reason: ``skipped:cap``, ``not_sent:…``."""
    counts: dict[str, int] = {state.value: 0 for state in SendState}
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "SELECT state, reason, count(*) AS rows FROM sends WHERE campaign_id = %s"
            " GROUP BY state, reason",
            (campaign_id,),
        )
        for row in cursor:
            counts[row["state"]] += row["rows"]
            if row["reason"] and row["state"] in (SendState.SKIPPED, SendState.NOT_SENT):
                counts[f"{row['state']}:{row['reason']}"] = row["rows"]
    return counts


def evidence_json(**facts: object) -> str:
    """Facts that settled a send, as the ledger stores them."""
    return json.dumps(facts, default=str)
