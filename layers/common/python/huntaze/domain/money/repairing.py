"""Computing a creator's values anew, from the transactions as they were reported."""

from typing import NamedTuple
from uuid import UUID

from huntaze.db import Connection
from huntaze.domain.money.recording import settle, take_turns

# As if every transaction were news, and every fan with a value had lost one.
_EVERYTHING = """
  CREATE TEMP TABLE transaction_news ON COMMIT DROP AS
  SELECT transaction_id, reverses, reverses AS old_reverses, fan_id, fan_id AS old_fan_id
    FROM transactions WHERE creator_id = %(creator)s
  UNION ALL
  SELECT NULL, NULL, NULL, id, id FROM fans
   WHERE creator_id = %(creator)s AND (value_cents <> 0 OR last_purchase_at IS NOT NULL)
"""

_PAYMENTS = """
  UPDATE transactions SET effective_cents = net_cents
   WHERE creator_id = %(creator)s AND reverses IS NULL AND effective_cents <> net_cents
"""

_BEFORE = """
  CREATE TEMP TABLE value_before ON COMMIT DROP AS
  SELECT id, value_cents FROM fans WHERE creator_id = %(creator)s
"""

_CORRECTED = """
  SELECT f.id, b.value_cents, f.value_cents
    FROM fans f JOIN value_before b ON b.id = f.id
   WHERE f.creator_id = %(creator)s AND f.value_cents <> b.value_cents
   ORDER BY f.id
"""


class Correction(NamedTuple):
    """A fan whose value was not what the transactions say."""

    fan_id: UUID
    before: int
    after: int


def recompute(connection: Connection, creator_id: UUID) -> list[Correction]:
    """Compute the values of all fans of a creator anew; who records their money waits meanwhile.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose fans these are.
    """
    of_creator = {"creator": creator_id}
    take_turns(connection, creator_id)
    connection.execute(_BEFORE, of_creator)
    connection.execute(_EVERYTHING, of_creator)
    connection.execute("ANALYZE transaction_news, value_before")
    connection.execute(_PAYMENTS, of_creator)
    settle(connection, creator_id)
    corrections = [Correction(*row) for row in connection.execute(_CORRECTED, of_creator)]
    connection.execute("DROP TABLE transaction_news, value_before")
    return corrections
