"""Recording transactions: by COPY and in sets, with the same end in whatever order they come.

The value of a fan is never added to: what a transaction is worth (``effective_cents``) follows from
the transactions that are there, and the value from their sum. So a refund that comes before its
payment, twice, or beside a chargeback of the same payment, subtracts once.

A reversal takes from its payment what it names: a net amount; a gross amount alone, which is that
share of the payment's net; or no amount, which is all of it. Together the reversals of a payment
never take more than its net, and they take it from the fan who paid, whomever they name.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from huntaze.db import Connection
from huntaze.domain import conversations, fans
from huntaze.domain.fans import Keyring
from huntaze.domain.money.models import TransactionRow
from huntaze.domain.outbound import offers
from huntaze.errors import InvalidInputError

_STAGE = """
  CREATE TEMP TABLE transaction_stage (
    line bigint NOT NULL, transaction_id text NOT NULL, platform_id text NOT NULL,
    type text NOT NULL, amount_cents bigint NOT NULL, fee_cents bigint NOT NULL,
    net_cents bigint NOT NULL, currency text, created_at timestamptz, reverses text,
    description text, message_id text, platform_key bytea NOT NULL
  ) ON COMMIT DROP
"""

# Recomputing reads what other recordings of the creator have written, and no currency may change
# meanwhile (migration 0009): they take turns.
_TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtextextended('huntaze.money:' || %(creator)s, 0))"

_OTHER_CURRENCY = """
  SELECT s.transaction_id, s.currency, c.currency
    FROM transaction_stage s JOIN creators c ON c.id = %(creator)s
   WHERE s.currency <> c.currency::text
   ORDER BY s.line LIMIT 1
"""

_DROP_DOUBLES = """
  DELETE FROM transaction_stage s
   USING (
     SELECT transaction_id, max(line) AS line FROM transaction_stage
      GROUP BY transaction_id HAVING count(*) > 1
   ) last
   WHERE s.transaction_id = last.transaction_id AND s.line < last.line
"""

# The rows that say something new, each with its fan and with what it was before. A reversal that is
# stored stays with the fan whom it was settled with.
_NEWS = """
  CREATE TEMP TABLE transaction_news ON COMMIT DROP AS
  SELECT s.transaction_id, told.fan_id, s.type, s.amount_cents, s.fee_cents, s.net_cents,
         c.currency, coalesce(s.created_at, old.created_at, now()) AS created_at, s.reverses,
         told.description, told.platform_message_id,
         old.fan_id AS old_fan_id, old.reverses AS old_reverses
    FROM transaction_stage s
    JOIN creators c ON c.id = %(creator)s
    LEFT JOIN fans live ON live.creator_id = %(creator)s AND live.platform_id = s.platform_id
    LEFT JOIN fans erased ON erased.creator_id = %(creator)s AND erased.erased_at IS NOT NULL
          AND erased.platform_key = s.platform_key
    LEFT JOIN transactions old
      ON old.creator_id = %(creator)s AND old.transaction_id = s.transaction_id
   CROSS JOIN LATERAL (
     SELECT CASE WHEN s.reverses IS NOT NULL AND old.reverses IS NOT NULL THEN old.fan_id
                 ELSE coalesce(live.id, erased.id) END AS fan_id,
            -- What a person has bought is nobody's to know once they are forgotten.
            CASE WHEN live.id IS NULL AND erased.id IS NOT NULL THEN NULL
                 ELSE coalesce(s.description, old.description) END AS description,
            CASE WHEN live.id IS NULL AND erased.id IS NOT NULL THEN NULL
                 ELSE coalesce(s.message_id, old.platform_message_id) END AS platform_message_id
   ) told
   WHERE old.id IS NULL
      OR (old.fan_id, old.type, old.amount_cents, old.fee_cents, old.net_cents)
         IS DISTINCT FROM (told.fan_id, s.type, s.amount_cents, s.fee_cents, s.net_cents)
      OR old.reverses IS DISTINCT FROM s.reverses
      OR old.created_at <> s.created_at
      OR old.description IS DISTINCT FROM told.description
      OR old.platform_message_id IS DISTINCT FROM told.platform_message_id
"""

# A reversal is worth nothing until it is settled.
_RECORD = """
  INSERT INTO transactions (
    workspace_id, creator_id, fan_id, transaction_id, type, amount_cents, fee_cents, net_cents,
    effective_cents, currency, created_at, reverses, description, platform_message_id)
  SELECT current_setting('app.workspace_id')::uuid, %(creator)s, n.fan_id, n.transaction_id, n.type,
         n.amount_cents, n.fee_cents, n.net_cents,
         CASE WHEN n.reverses IS NULL THEN n.net_cents ELSE 0 END,
         n.currency, n.created_at, n.reverses, n.description, n.platform_message_id
    FROM transaction_news n
  ON CONFLICT (workspace_id, creator_id, transaction_id) DO UPDATE
     SET fan_id = EXCLUDED.fan_id, type = EXCLUDED.type, amount_cents = EXCLUDED.amount_cents,
         fee_cents = EXCLUDED.fee_cents, net_cents = EXCLUDED.net_cents,
         effective_cents = EXCLUDED.effective_cents, currency = EXCLUDED.currency,
         created_at = EXCLUDED.created_at, reverses = EXCLUDED.reverses,
         description = EXCLUDED.description, platform_message_id = EXCLUDED.platform_message_id
"""

# Reversals take one after the other, in the order of their times, whichever came to us first.
# Shares are rounded as they add up, so that the parts of a whole make the whole.
_SETTLE_REVERSALS = """
  WITH payments AS (
    SELECT transaction_id FROM transaction_news WHERE reverses IS NULL OR old_reverses IS NULL
    UNION SELECT reverses FROM transaction_news WHERE reverses IS NOT NULL
    UNION SELECT old_reverses FROM transaction_news WHERE old_reverses IS NOT NULL
  ), reversals AS (
    SELECT r.id, r.reverses, r.created_at, r.transaction_id, r.fan_id, p.fan_id AS payer,
           coalesce(p.net_cents, 0) AS net, p.amount_cents AS gross,
           CASE WHEN r.net_cents > 0 THEN r.net_cents
                WHEN r.amount_cents = 0 THEN p.net_cents
                WHEN r.fee_cents = 0 AND p.amount_cents = 0 THEN r.amount_cents
                ELSE 0 END AS named,
           CASE WHEN r.net_cents = 0 AND r.fee_cents = 0 THEN r.amount_cents ELSE 0 END AS part
      FROM payments
      JOIN transactions r ON r.creator_id = %(creator)s AND r.reverses = payments.transaction_id
      LEFT JOIN transactions p
        ON p.creator_id = %(creator)s AND p.transaction_id = r.reverses AND p.reverses IS NULL
  ), claimed AS (
    SELECT *, coalesce(sum(named) OVER so_far, 0)
              + coalesce(round(net * least(sum(part) OVER so_far, gross) / nullif(gross, 0)), 0)
              AS claim
      FROM reversals
    WINDOW so_far AS (PARTITION BY reverses ORDER BY created_at, transaction_id)
  ), settled AS (
    SELECT id, fan_id AS old_fan_id, coalesce(payer, fan_id) AS fan_id,
           coalesce(lag(least(claim, net)) OVER (
             PARTITION BY reverses ORDER BY created_at, transaction_id), 0)
           - least(claim, net) AS effective_cents
      FROM claimed
  )
  UPDATE transactions t SET effective_cents = settled.effective_cents, fan_id = settled.fan_id
    FROM settled
   WHERE t.creator_id = %(creator)s AND t.id = settled.id
     AND (t.effective_cents, t.fan_id) IS DISTINCT FROM (settled.effective_cents, settled.fan_id)
  RETURNING settled.old_fan_id, settled.fan_id
"""

_VALUE = """
  UPDATE fans f SET value_cents = v.value_cents, last_purchase_at = v.last_purchase_at
    FROM (
      SELECT touched.fan_id, coalesce(sum(t.effective_cents), 0)::bigint AS value_cents,
             max(t.created_at) FILTER (WHERE t.reverses IS NULL) AS last_purchase_at
        FROM (
          SELECT fan_id FROM transaction_news
          UNION SELECT old_fan_id FROM transaction_news WHERE old_fan_id IS NOT NULL
          UNION SELECT unnest(%(fans)s::uuid[])
        ) touched
        LEFT JOIN transactions t ON t.creator_id = %(creator)s AND t.fan_id = touched.fan_id
       GROUP BY touched.fan_id
    ) v
   WHERE f.creator_id = %(creator)s AND f.id = v.fan_id
     AND (f.value_cents, f.last_purchase_at)
         IS DISTINCT FROM (v.value_cents, v.last_purchase_at)
  RETURNING f.id
"""


class OtherCurrencyError(InvalidInputError):
    """A transaction is not in its creator's currency, and a value is a sum in one currency."""


class RecordOutcome(NamedTuple):
    """What became of the rows, and how many fans were new."""

    read: int
    created: int
    updated: int
    fans_created: int

    @property
    def unchanged(self) -> int:
        """Rows that said nothing new."""
        return self.read - self.created - self.updated


def record(
    connection: Connection, creator_id: UUID, rows: Iterable[TransactionRow]
) -> RecordOutcome:
    """Record transactions of one creator's fans and bring the fans' values up to date.

    A fan that nobody knows is created. The rows are taken one by one and never held.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose fans paid.
        rows: Checked rows.

    Raises:
        OtherCurrencyError: A row is not in the creator's currency; nothing is recorded.
    """
    return record_staged(connection, creator_id, stage(connection, creator_id, rows))


def stage(connection: Connection, creator_id: UUID, rows: Iterable[TransactionRow]) -> int:
    """Copy transactions to where this one alone sees them: the first half of ``record``.

    It takes no lock, and whoever needs one of their own takes it after this, as ``fans.stage`` says
    why.

    Returns:
        How many rows there are.
    """
    connection.execute(_STAGE)
    keys = fans.keyring(connection, creator_id)
    read = 0
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY transaction_stage FROM STDIN") as copy,
    ):
        for read, row in enumerate(_keyed(rows, keys), start=1):  # noqa: B007  (the count)
            copy.write_row(row)
    # Autovacuum never sees a temporary table; without figures the joins are planned for a few rows.
    connection.execute("ANALYZE transaction_stage")
    return read


def leave_out(connection: Connection, transaction_ids: Collection[str]) -> None:
    """Take transactions from the stage again: something newer is known of them."""
    if transaction_ids:
        connection.execute(
            "DELETE FROM transaction_stage WHERE transaction_id = ANY (%s)",
            (list(transaction_ids),),
        )


def record_staged(connection: Connection, creator_id: UUID, read: int) -> RecordOutcome:
    """Record what was staged: the second half of ``record``.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose fans paid.
        read: How many rows were staged.

    Raises:
        OtherCurrencyError: A row is not in the creator's currency; nothing is recorded.
    """
    of_creator = {"creator": creator_id}
    take_turns(connection, creator_id)
    _refuse_other_currencies(connection, creator_id)
    connection.execute(_DROP_DOUBLES)
    fans_created = fans.create_missing(connection, creator_id, "transaction_stage")
    connection.execute(_NEWS, of_creator)
    connection.execute("ANALYZE transaction_news")
    counted = connection.execute(
        "SELECT count(*) FILTER (WHERE old_fan_id IS NULL), count(old_fan_id),"
        " count(platform_message_id) FILTER (WHERE type = 'message') FROM transaction_news"
    ).fetchone()
    created, updated, of_messages = counted or (0, 0, 0)
    connection.execute(_RECORD, of_creator)
    settle(connection, creator_id)
    if of_messages:
        # After the fans: who stores messages locks the fan first, too.
        conversations.mark_paid(connection, creator_id, "transaction_news")
        offers.mark_bought(connection, creator_id, "transaction_news")
    connection.execute("DROP TABLE transaction_stage, transaction_news")
    return RecordOutcome(read, created, updated, fans_created)


def take_turns(connection: Connection, creator_id: UUID) -> None:
    """Wait until nobody else writes the creator's fans or money; it ends with the transaction."""
    # In this order, always: what is new may be of a new fan, and every value is a fan's.
    fans.take_turns(connection, creator_id)
    connection.execute(_TAKE_TURNS, {"creator": str(creator_id)})


def settle(connection: Connection, creator_id: UUID) -> None:
    """Bring reversals, values and who waits first up to date with ``transaction_news``."""
    of_creator = {"creator": creator_id}
    settled = {fan for row in connection.execute(_SETTLE_REVERSALS, of_creator) for fan in row}
    changed = connection.execute(_VALUE, {**of_creator, "fans": list(settled)}).fetchall()
    # After the fans: who stores messages locks the fan first, too.
    conversations.revalue(connection, creator_id, [row[0] for row in changed])


def forget_fan(connection: Connection, fan_id: UUID) -> None:
    """Take away what a fan's transactions were for; the amounts stay."""
    connection.execute(
        "UPDATE transactions SET description = NULL, platform_message_id = NULL"
        " WHERE fan_id = %s AND (description IS NOT NULL OR platform_message_id IS NOT NULL)",
        (fan_id,),
    )


def _refuse_other_currencies(connection: Connection, creator_id: UUID) -> None:
    found = connection.execute(_OTHER_CURRENCY, {"creator": creator_id}).fetchone()
    if found is not None:
        raise OtherCurrencyError(
            f"Transaction {found[0]} is in {found[1]}, but the creator's currency is {found[2]}."
        )


def _keyed(rows: Iterable[TransactionRow], keys: Keyring) -> Iterator[tuple[object, ...]]:
    return ((*row, keys.platform_key(row.platform_id)) for row in rows)
