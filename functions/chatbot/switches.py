"""For whom the chatbot is on, in Postgres."""

from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from functions.chatbot.cases import FOR_CAMPAIGN
from functions.chatbot.shapes import Activation, ChatbotState, Deactivation
from huntaze.db import Connection, Tenant
from huntaze.domain import audit
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound.cancelling import cancel_direct
from huntaze.errors import NotFoundError

_STATE = """
  SELECT k.id AS creator_id, s.active_since, s.activated_by, s.spend_ceiling_cents,
         coalesce(s.spend_days, 30) AS spend_days,
         coalesce(s.min_confidence, 50) AS min_confidence, s.style_version, s.held_up_since,
         ARRAY(SELECT b.campaign_id FROM chatbot_campaigns b
                WHERE b.workspace_id = k.workspace_id AND b.creator_id = k.id
                ORDER BY b.activated_at) AS campaigns
    FROM creators k
    LEFT JOIN chatbot_switches s ON s.workspace_id = k.workspace_id AND s.creator_id = k.id
   WHERE k.id = %s
"""
_SET = """
  INSERT INTO chatbot_switches AS s (workspace_id, creator_id, active_since, activated_by,
                                     spend_ceiling_cents, spend_days, min_confidence)
  VALUES (current_setting('app.workspace_id')::uuid, %(creator)s,
          CASE WHEN %(whole)s THEN clock_timestamp() END, CASE WHEN %(whole)s THEN %(by)s::uuid END,
          nullif(%(ceiling)s::bigint, 0), coalesce(%(days)s, 30), coalesce(%(confidence)s, 50))
      ON CONFLICT (workspace_id, creator_id) DO UPDATE
     SET active_since = coalesce(s.active_since, excluded.active_since),
         activated_by = coalesce(s.activated_by, excluded.activated_by),
         spend_ceiling_cents = nullif(coalesce(%(ceiling)s, s.spend_ceiling_cents), 0),
         spend_days = coalesce(%(days)s, s.spend_days),
         min_confidence = coalesce(%(confidence)s, s.min_confidence),
         updated_at = clock_timestamp()
"""
_HOLD = "SELECT FROM chatbot_switches WHERE creator_id = %s FOR NO KEY UPDATE"
# What nobody has looked at, of whom the chatbot answers no more; what a person approved goes out.
_BY_ITSELF = sql.SQL("""
  SELECT s.id FROM sends s
   WHERE s.creator_id = %(creator)s AND s.state = 'planned' AND s.by_itself
     AND s.campaign_id IS NULL AND NOT {for_campaign}
     AND NOT EXISTS (SELECT FROM chatbot_switches w
                      WHERE w.creator_id = %(creator)s AND w.active_since IS NOT NULL)
""").format(for_campaign=FOR_CAMPAIGN.format(fan=sql.Identifier("s", "fan_id")))


class PostgresSwitches:
    """The switches of one workspace.

    Args:
        tenant: Whose.
        user_id: Who calls.
    """

    def __init__(self, tenant: Tenant, user_id: UUID) -> None:
        self._tenant = tenant
        self._user_id = user_id

    def state(self, creator_id: UUID | None) -> ChatbotState:
        """How the chatbot works for a creator."""
        with self._tenant.transaction() as connection:
            return _state(connection, resolve_creator(connection, creator_id))

    def activate(self, wanted: Activation) -> ChatbotState:
        """Turn the chatbot on for a creator, or for the replies to a campaign.

        Raises:
            NotFoundError: The creator has no such campaign.
            PaymentRequiredError: The plan has no chatbot.
        """
        with self._tenant.transaction() as connection:
            creator_id = _creator_of(connection, wanted.creator_id, wanted.campaign_id)
            entitlements.require(connection, self._tenant.workspace_id, Feature.CHATBOT)
            values = {
                "creator": creator_id,
                "by": self._user_id,
                "whole": wanted.campaign_id is None,
                "ceiling": wanted.spend_ceiling_cents,
                "days": wanted.spend_days,
                "confidence": wanted.min_confidence,
            }
            connection.execute(_SET, values)
            if wanted.campaign_id is not None:
                connection.execute(
                    "INSERT INTO chatbot_campaigns (workspace_id, creator_id, campaign_id,"
                    " activated_by) VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s)"
                    " ON CONFLICT (workspace_id, campaign_id) DO NOTHING",
                    (creator_id, wanted.campaign_id, self._user_id),
                )
            facts = wanted.model_dump(mode="json", exclude={"creator_id"}, exclude_none=True)
            self._note(connection, "chatbot.activated", creator_id, facts)
            return _state(connection, creator_id)

    def deactivate(self, wanted: Deactivation) -> ChatbotState:
        """Turn the chatbot off; what it was to send by itself is cancelled."""
        with self._tenant.transaction() as connection:
            creator_id = _creator_of(connection, wanted.creator_id, wanted.campaign_id)
            # Who is about to let a reply go by itself holds the row until that is written.
            connection.execute(_HOLD, (creator_id,))
            if wanted.campaign_id is None:
                connection.execute(
                    "UPDATE chatbot_switches SET active_since = NULL, activated_by = NULL,"
                    " updated_at = clock_timestamp() WHERE creator_id = %s",
                    (creator_id,),
                )
                connection.execute(
                    "DELETE FROM chatbot_campaigns WHERE creator_id = %s", (creator_id,)
                )
            else:
                connection.execute(
                    "DELETE FROM chatbot_campaigns WHERE campaign_id = %s", (wanted.campaign_id,)
                )
            planned = connection.execute(_BY_ITSELF, {"creator": creator_id}).fetchall()
            cancel_direct(connection, [row[0] for row in planned])
            facts = wanted.model_dump(mode="json", exclude={"creator_id"}, exclude_none=True)
            self._note(connection, "chatbot.deactivated", creator_id, facts)
            return _state(connection, creator_id)

    def _note(
        self, connection: Connection, action: str, creator_id: UUID, facts: dict[str, Any]
    ) -> None:
        target = audit.Target("creator", creator_id)
        audit.record(connection, action, target, actor_id=self._user_id, facts=facts)


def _state(connection: Connection, creator_id: UUID) -> ChatbotState:
    with connection.cursor(row_factory=class_row(ChatbotState)) as reading:
        found = reading.execute(_STATE, (creator_id,)).fetchone()
    if found is None:
        raise NotFoundError("There is no such creator in this workspace.")
    return found


def _creator_of(connection: Connection, creator_id: UUID | None, campaign_id: UUID | None) -> UUID:
    """The creator that is meant: the campaign's, if there is one."""
    if campaign_id is None:
        return resolve_creator(connection, creator_id)
    row = connection.execute(
        "SELECT creator_id FROM campaigns WHERE id = %s AND (%s::uuid IS NULL OR creator_id = %s)",
        (campaign_id, creator_id, creator_id),
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such campaign of this creator.")
    return UUID(str(row[0]))
