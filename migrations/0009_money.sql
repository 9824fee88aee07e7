-- Money in bounds: amounts that always add up, and one currency a creator.

-- A hundred times what any fan ever paid, and nine million of them still fit into a bigint.
ALTER TABLE transactions ADD CONSTRAINT transactions_amounts_add_up CHECK (
  greatest(amount_cents, fee_cents, net_cents) <= 1000000000000);

-- A fan's value is a sum in the creator's currency. Recording takes the same turn (see
-- huntaze.domain.money.recording), so that no first transaction comes in between.
CREATE FUNCTION keep_currency_of_money() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('huntaze.money:' || OLD.id, 0));
  IF EXISTS (SELECT FROM transactions t WHERE t.workspace_id = OLD.workspace_id
              AND t.creator_id = OLD.id) THEN
    RAISE 'creator % has transactions in %', OLD.id, OLD.currency
      USING ERRCODE = 'check_violation', CONSTRAINT = 'creators_currency_of_money';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER creators_currency_of_money BEFORE UPDATE OF currency ON creators
  FOR EACH ROW WHEN (OLD.currency <> NEW.currency) EXECUTE FUNCTION keep_currency_of_money();
