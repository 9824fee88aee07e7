"""Campaigns in Postgres: the only SQL of this feature outside the ledger's own."""

import json
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from functions.campaigns import proving
from functions.campaigns.models import Recipient, StoredCampaign, Variant
from functions.campaigns.status import CampaignStatus, Move, move
from huntaze import correlation, outbox
from huntaze.ai import Outcome, record_outcome, settle_outcomes
from huntaze.db import Connection, Tenant
from huntaze.domain import ai_configs, audit
from huntaze.domain.audit import ActorKind
from huntaze.domain.outbound.offers import require_media
from huntaze.errors import InvalidInputError, NotFoundError
from huntaze.ids import new_id

_CAMPAIGN = """
  SELECT c.*, k.platform FROM campaigns c
    JOIN creators k ON k.workspace_id = c.workspace_id AND k.id = c.creator_id
"""
_RECIPIENT = """
  SELECT s.id, s.fan_id, f.handle AS fan_handle, s.state, s.reason, s.variant, s.text,
         s.price_cents, s.attempt, s.due_at, s.granted_at, s.settled_at, s.platform_message_id,
         s.evidence, s.unsent_at
    FROM sends s JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id
"""
# What a change may set; a name that is not here never reaches the statement.
_CHANGEABLE = {
    *("name", "segment_id", "variants", "written_by", "price_cents", "media_ids", "scheduled_at"),
    *("holdout_percent", "messages_per_minute", "ai_disclosed"),
}


class PostgresCampaigns:
    """The campaigns of one workspace; row level security hides all others."""

    def __init__(self, tenant: Tenant, caller: UUID | None = None) -> None:
        self._tenant = tenant
        self._caller = caller

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open the transaction that several calls share."""
        return self._tenant.transaction()

    def add(self, values: dict[str, Any]) -> UUID:
        """Store a draft: columns and values, ``variants`` as models; without an id, a new one."""
        campaign_id: UUID = values.get("id") or new_id()
        row = {**values, "variants": _variants_json(values["variants"]), "id": campaign_id}
        names = list(row)
        with self._tenant.transaction() as connection:
            connection.execute(
                sql.SQL(
                    "INSERT INTO campaigns (workspace_id, {}) VALUES (%(workspace)s, {})"
                ).format(
                    sql.SQL(", ").join(map(sql.Identifier, names)),
                    sql.SQL(", ").join(map(sql.Placeholder, names)),
                ),
                {**row, "workspace": self._tenant.workspace_id},
            )
            self._tell(connection, "campaign.created", campaign_id, {})
            if values.get("written_by") == "ai":
                proving.keep_written(connection, campaign_id, values, by=values["created_by"])
        return campaign_id

    def get(self, campaign_id: UUID, *, lock: bool = False) -> StoredCampaign:
        """Read one campaign.

        Args:
            campaign_id: Which.
            lock: Hold the row until the caller's transaction ends.

        Raises:
            NotFoundError: The workspace has no such campaign.
        """
        query = _CAMPAIGN + " WHERE c.workspace_id = %s AND c.id = %s"
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(StoredCampaign)) as cursor,
        ):
            found = cursor.execute(
                query + " FOR UPDATE OF c" if lock else query,
                (self._tenant.workspace_id, campaign_id),
            ).fetchone()
        if found is None:
            raise NotFoundError("There is no such campaign.")
        return found

    def page(
        self, *, creator_id: UUID | None, status: str | None, after: UUID | None, limit: int
    ) -> list[StoredCampaign]:
        """The newest campaigns after ``after``; ids are in order of creation."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(StoredCampaign)) as cursor,
        ):
            return cursor.execute(
                _CAMPAIGN + " WHERE c.workspace_id = %(workspace)s"
                " AND (%(creator)s::uuid IS NULL OR c.creator_id = %(creator)s)"
                " AND (%(status)s::text IS NULL OR c.status = %(status)s)"
                " AND (%(after)s::uuid IS NULL OR c.id < %(after)s)"
                " ORDER BY c.id DESC LIMIT %(limit)s",
                {
                    "workspace": self._tenant.workspace_id,
                    "creator": creator_id,
                    "status": status,
                    "after": after,
                    "limit": limit,
                },
            ).fetchall()

    def change(self, campaign_id: UUID, values: dict[str, Any]) -> None:
        """Set columns and raise the version, which voids any approval."""
        unknown = values.keys() - _CHANGEABLE
        if unknown:
            raise ValueError(f"not changeable: {sorted(unknown)}")
        row = dict(values)
        if "variants" in row:
            row["variants"] = _variants_json(row["variants"])
        assignments: list[sql.Composable] = [
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in row
        ]
        assignments.append(sql.SQL("version = version + 1, approved_version = NULL"))
        self._update(campaign_id, sql.SQL(", ").join(assignments), row)

    def advance(
        self, campaign: StoredCampaign, what: Move, facts: dict[str, Any] | None = None
    ) -> CampaignStatus:
        """Move a locked campaign on and tell.

        Args:
            campaign: Locked by the caller's transaction.
            what: The move.
            facts: For the event.

        Raises:
            IllegalMoveError: Its status does not allow that.
        """
        target = move(campaign.status, what)
        self._update(campaign.id, sql.SQL("status = %(status)s"), {"status": target.value})
        with self._tenant.transaction() as connection:
            self._tell(
                connection, f"campaign.{target}", campaign.id, {"move": what.value, **(facts or {})}
            )
            audit.record(
                connection,
                f"campaign.{what}",
                audit.Target("campaign", campaign.id),
                actor_id=self._caller,
                actor_kind=ActorKind.MEMBER if self._caller else ActorKind.WORKFLOW,
                facts={"status": target.value, "version": campaign.version},
            )
        return target

    def launched(self, campaign_id: UUID) -> None:
        """Count a launch; what follows from it, up to each message, has its correlation id."""
        work = correlation.current()
        self._update(
            campaign_id,
            sql.SQL(
                "launch = launch + 1, launched_at = clock_timestamp(), execution_arn = NULL,"
                " approval_token = NULL, delivery_token = NULL, failure = NULL, finished_at = NULL,"
                " correlation_id = %(correlation_id)s, trace = %(trace)s"
            ),
            {
                "correlation_id": work and work.correlation_id,
                "trace": work and work.trace,
            },
        )

    def record(self, campaign_id: UUID, **values: object) -> None:
        """Set what only the machinery sets: tokens, execution, dry run, failure, times."""
        row = {
            name: json.dumps(value, default=str) if isinstance(value, dict) else value
            for name, value in values.items()
        }
        assignments = [
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in row
        ]
        self._update(campaign_id, sql.SQL(", ").join(assignments), row)

    def started(self, campaign: StoredCampaign, execution_arn: str) -> None:
        """Keep the execution of a launch, unless the campaign has left that launch behind."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE campaigns SET execution_arn = %s WHERE workspace_id = %s AND id = %s"
                " AND launch = %s AND status <> 'draft'",
                (execution_arn, self._tenant.workspace_id, campaign.id, campaign.launch),
            )

    def released(self, campaign_id: UUID, token_column: str, token: str) -> None:
        """Forget a token that was released; a newer one, of a step that was tried again, stays."""
        with self._tenant.transaction() as connection:
            connection.execute(
                sql.SQL(
                    "UPDATE campaigns SET {0} = NULL"
                    " WHERE workspace_id = %s AND id = %s AND {0} = %s"
                ).format(sql.Identifier(token_column)),
                (self._tenant.workspace_id, campaign_id, token),
            )

    def approve(
        self,
        campaign: StoredCampaign,
        *,
        decision: str,
        note: str | None,
        content_hash: str,
        decided_by: UUID,
    ) -> None:
        """Keep a person's decision on one version, with the proof of what a model wrote of it."""
        with self._tenant.transaction() as connection:
            kept = connection.execute(
                "INSERT INTO campaign_approvals (workspace_id, creator_id, campaign_id, version,"
                " decision, note, content_hash, decided_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (workspace_id, campaign_id, version, decision) DO NOTHING"
                " RETURNING id",
                (
                    campaign.workspace_id,
                    campaign.creator_id,
                    campaign.id,
                    campaign.version,
                    decision,
                    note,
                    content_hash,
                    decided_by,
                ),
            ).fetchone()
            if kept and decision == "approved" and campaign.written_by == "ai":
                proving.prove_approval(
                    connection,
                    campaign,
                    kept[0],
                    content_hash=content_hash,
                    disclosure=self.disclosure(campaign.creator_id)
                    if campaign.ai_disclosed
                    else None,
                    by=decided_by,
                )
        if decision == "approved":
            self.record(campaign.id, approved_version=campaign.version)

    def disclosure(self, creator_id: UUID) -> str | None:
        """How a creator's fans are told that AI helps."""
        with self._tenant.transaction() as connection:
            return ai_configs.voice_of(connection, creator_id).disclosure

    def keep_outcome(self, campaign_id: UUID, generation_id: UUID, outcome: Outcome) -> None:
        """Keep what a person made of a model's texts, and of all that led to them."""
        with self._tenant.transaction() as connection:
            record_outcome(connection, generation_id, outcome, by=self._caller)
            # Who edits a text has taken the plan behind it.
            taken = Outcome.ACCEPTED if outcome is Outcome.EDITED else outcome
            settle_outcomes(connection, generations_of(connection, campaign_id), taken)

    def approval_id(self, campaign: StoredCampaign) -> UUID | None:
        """The approval of the campaign's present version."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT id FROM campaign_approvals WHERE workspace_id = %s AND campaign_id = %s"
                " AND version = %s AND decision = 'approved'",
                (campaign.workspace_id, campaign.id, campaign.version),
            ).fetchone()
        return None if row is None else row[0]

    def delete(self, campaign_id: UUID) -> None:
        """Remove a draft."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "DELETE FROM campaigns WHERE workspace_id = %s AND id = %s",
                (self._tenant.workspace_id, campaign_id),
            )

    def recipients(
        self, campaign_id: UUID, *, state: str | None, after: UUID | None, limit: int
    ) -> list[Recipient]:
        """A page of the ledger of one campaign."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Recipient)) as cursor,
        ):
            return cursor.execute(
                _RECIPIENT
                + " WHERE s.workspace_id = %(workspace)s AND s.campaign_id = %(campaign)s"
                " AND (%(state)s::text IS NULL OR s.state = %(state)s)"
                " AND (%(after)s::uuid IS NULL OR s.id > %(after)s)"
                " ORDER BY s.id LIMIT %(limit)s",
                {
                    "workspace": self._tenant.workspace_id,
                    "campaign": campaign_id,
                    "state": state,
                    "after": after,
                    "limit": limit,
                },
            ).fetchall()

    def recipient(self, campaign_id: UUID, send_id: UUID) -> Recipient:
        """One row of the ledger.

        Raises:
            NotFoundError: The campaign has no such recipient.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Recipient)) as cursor,
        ):
            found = cursor.execute(
                _RECIPIENT + " WHERE s.workspace_id = %s AND s.campaign_id = %s AND s.id = %s",
                (self._tenant.workspace_id, campaign_id, send_id),
            ).fetchone()
        if found is None:
            raise NotFoundError("There is no such recipient in this campaign.")
        return found

    def sales(self, campaign_id: UUID) -> dict[str, dict[str, int]]:
        """Sent, unsent and bought messages by variant."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            rows = cursor.execute(
                "SELECT coalesce(s.variant, '') AS label,"
                " count(*) FILTER (WHERE s.state = 'sent') AS sent,"
                " count(s.unsent_at) AS unsent,"
                " count(*) FILTER (WHERE EXISTS (SELECT FROM media_grants g"
                "   WHERE g.workspace_id = s.workspace_id AND g.send_id = s.id"
                "     AND g.state = 'bought')) AS bought"
                " FROM sends s WHERE s.workspace_id = %s AND s.campaign_id = %s"
                " GROUP BY s.variant ORDER BY s.variant",
                (self._tenant.workspace_id, campaign_id),
            ).fetchall()
        return {row.pop("label"): row for row in rows}

    def sale_history(self, creator_id: UUID) -> tuple[int, int]:
        """Paid messages sent so far by a creator, and how many were bought."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM media_grants g"
                "   WHERE g.workspace_id = s.workspace_id AND g.send_id = s.id"
                "     AND g.state = 'bought'))"
                " FROM sends s WHERE s.workspace_id = %s AND s.creator_id = %s"
                " AND s.state = 'sent' AND s.price_cents > 0",
                (self._tenant.workspace_id, creator_id),
            ).fetchone()
        return (0, 0) if row is None else (row[0], row[1])

    def segment_rules(self, segment_id: UUID) -> dict[str, Any]:
        """The stored rules of a segment.

        Raises:
            NotFoundError: The workspace has no such segment.
        """
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT rules FROM segments WHERE workspace_id = %s AND id = %s",
                (self._tenant.workspace_id, segment_id),
            ).fetchone()
        if row is None:
            raise NotFoundError("There is no such segment.")
        rules: dict[str, Any] = row[0]
        return rules

    def check_references(
        self, creator_id: UUID, *, segment_ids: list[UUID], media_ids: list[UUID]
    ) -> None:
        """Refuse a segment or media of another creator or workspace.

        Raises:
            InvalidInputError: One is not this creator's.
        """
        with self._tenant.transaction() as connection:
            found = connection.execute(
                "SELECT FROM segments WHERE id = ANY (%s) AND creator_id = %s",
                (segment_ids, creator_id),
            )
            if found.rowcount != len(set(segment_ids)):
                raise InvalidInputError(
                    "The segment is not one of this creator's.", fields={"segment_id": "unknown"}
                )
            require_media(connection, creator_id, media_ids)

    def currency(self, creator_id: UUID) -> str:
        """The creator's currency."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT currency FROM creators WHERE workspace_id = %s AND id = %s",
                (self._tenant.workspace_id, creator_id),
            ).fetchone()
        if row is None:
            raise NotFoundError("There is no such creator.")
        currency: str = row[0]
        return currency

    def tell(self, event_type: str, campaign_id: UUID, facts: dict[str, Any]) -> None:
        """Add an event of a campaign to the outbox."""
        with self._tenant.transaction() as connection:
            self._tell(connection, event_type, campaign_id, facts)

    def _update(
        self, campaign_id: UUID, assignments: sql.Composable, values: dict[str, Any]
    ) -> None:
        with self._tenant.transaction() as connection:
            connection.execute(
                sql.SQL(
                    "UPDATE campaigns SET updated_at = clock_timestamp(), {}"
                    " WHERE workspace_id = %(where_workspace)s AND id = %(where_id)s"
                ).format(assignments),
                {
                    **values,
                    "where_workspace": self._tenant.workspace_id,
                    "where_id": campaign_id,
                },
            )

    def _tell(
        self, connection: Connection, event_type: str, campaign_id: UUID, facts: dict[str, Any]
    ) -> None:
        outbox.add(
            connection,
            event_type,
            workspace_id=self._tenant.workspace_id,
            aggregate=("campaign", campaign_id),
            payload=facts,
        )


def _variants_json(variants: list[Variant]) -> str:
    return json.dumps([variant.model_dump(mode="json", exclude_none=True) for variant in variants])


def generations_of(
    connection: Connection, workflow_id: UUID, step: str | None = None
) -> list[UUID]:
    """The generations that models have made for a workflow, or for one of its steps."""
    rows = connection.execute(
        "SELECT (reply ->> 'generation_id')::uuid FROM workflow_steps"
        " WHERE workflow_id = %(workflow)s AND reply IS NOT NULL"
        " AND (%(step)s::text IS NULL OR step = %(step)s)"
        " AND workspace_id = current_setting('app.workspace_id')::uuid",
        {"workflow": workflow_id, "step": step},
    ).fetchall()
    return [row[0] for row in rows]
