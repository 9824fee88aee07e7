-- Addresses that take mails again: let in by an operator's order, with who ordered it and why.

-- Rows are added and never changed. Only a hash, as in `undeliverable_addresses`.
CREATE TABLE readmissions (
  id uuid PRIMARY KEY DEFAULT uuid7(),
  address_hash bytea NOT NULL CHECK (length(address_hash) = 32),
  bounced_at timestamptz,
  complained_at timestamptz,
  ordered_by text NOT NULL CHECK (length(ordered_by) BETWEEN 1 AND 200),
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  ordered_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE readmissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE readmissions FORCE ROW LEVEL SECURITY;
CALL open_to_gatekeeper('readmissions', 'SELECT, INSERT');
GRANT DELETE ON undeliverable_addresses TO gatekeeper;

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Whether there was something to lift.
CREATE FUNCTION readmit_address(address text, by_whom text, why text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  WITH lifted AS (
    DELETE FROM undeliverable_addresses
     WHERE address_hash = sha256(convert_to(lower(address), 'UTF8'))
    RETURNING address_hash, bounced_at, complained_at
  ), noted AS (
    INSERT INTO readmissions (address_hash, bounced_at, complained_at, ordered_by, reason)
    SELECT address_hash, bounced_at, complained_at, by_whom, why FROM lifted
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM noted)
$$;
ALTER FUNCTION readmit_address OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION readmit_address TO operations;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
