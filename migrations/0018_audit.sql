-- Who did what in a workspace: a chain in which every entry holds the hash of the one before, so
-- that a changed, removed or inserted entry shows.

CREATE TABLE audit_log (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A member, or what acted by itself: a workflow, an operator, Stripe.
  actor_kind text NOT NULL CHECK (actor_kind ~ '^[a-z_]{1,40}$'),
  actor_id uuid,
  action text NOT NULL CHECK (action ~ '^[a-z_.]{1,80}$'),
  target_kind text NOT NULL CHECK (target_kind ~ '^[a-z_]{1,40}$'),
  target_id uuid,
  -- A JSON object of ids and facts, never of names or texts. Kept as text: the hash is over it as
  -- it was written.
  facts text NOT NULL CHECK (facts::jsonb IS NOT NULL AND position(E'\n' IN facts) = 0),
  -- Set at the commit: who wrote an entry holds no lock on the chain while it works.
  sequence bigint CHECK (sequence > 0),
  previous_hash bytea CHECK (length(previous_hash) = 32),
  hash bytea CHECK (length(hash) = 32),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, sequence)
);
CREATE INDEX audit_log_target ON audit_log (workspace_id, target_id, sequence)
  WHERE target_id IS NOT NULL;

-- The end of each chain: entries taken off it show too, and two writers follow one another.
CREATE TABLE audit_heads (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces,
  sequence bigint NOT NULL,
  hash bytea NOT NULL
);

CALL protect_tenant_table('audit_log', 'workspace_id', NULL);
CALL protect_tenant_table('audit_heads', 'workspace_id', NULL);
CALL open_to_gatekeeper('audit_log', 'SELECT, UPDATE (sequence, previous_hash, hash)');
CALL open_to_gatekeeper('audit_heads', 'SELECT, INSERT, UPDATE');
-- Entries are added, never changed or removed, and nobody sets their time or place.
GRANT SELECT, INSERT (workspace_id, actor_kind, actor_id, action, target_kind, target_id, facts)
  ON audit_log TO app;
GRANT SELECT ON audit_heads TO app;

-- One form for whoever computes a hash: here, and a reader with nothing but the entries.
CREATE FUNCTION audit_hash(entry audit_log) RETURNS bytea
LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
  SELECT sha256(entry.previous_hash || convert_to(concat_ws(E'\n',
    entry.workspace_id, entry.sequence,
    (extract(epoch FROM entry.at) * 1000000)::bigint,
    entry.actor_kind, coalesce(entry.actor_id::text, '-'),
    entry.action, entry.target_kind, coalesce(entry.target_id::text, '-'),
    entry.facts), 'UTF8'))
$$;
GRANT EXECUTE ON FUNCTION audit_hash TO app, gatekeeper;

CREATE FUNCTION chain_audit_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  head audit_heads;
  entry audit_log := NEW;
BEGIN
  INSERT INTO audit_heads VALUES (entry.workspace_id, 0, decode(repeat('00', 32), 'hex'))
    ON CONFLICT (workspace_id) DO NOTHING;
  SELECT * INTO head FROM audit_heads h WHERE h.workspace_id = entry.workspace_id FOR UPDATE;
  entry.sequence := head.sequence + 1;
  entry.previous_hash := head.hash;
  entry.hash := audit_hash(entry);
  UPDATE audit_log l
     SET sequence = entry.sequence, previous_hash = entry.previous_hash, hash = entry.hash
   WHERE l.workspace_id = entry.workspace_id AND l.id = entry.id;
  UPDATE audit_heads h SET sequence = entry.sequence, hash = entry.hash
   WHERE h.workspace_id = entry.workspace_id;
  RETURN NULL;
END
$$;
GRANT CREATE ON SCHEMA public TO gatekeeper;
ALTER FUNCTION chain_audit_entry OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
-- Deferred to the commit: writers of one workspace wait for one another only there.
CREATE CONSTRAINT TRIGGER audit_log_chain AFTER INSERT ON audit_log
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain_audit_entry();

-- The first entry that does not follow from the one before, or NULL; the number of entries; the
-- head. Runs with the caller's own eyes.
CREATE FUNCTION audit_verify()
RETURNS TABLE (entries bigint, first_broken bigint, head_hash bytea)
LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
  WITH chain AS (
    SELECT l.sequence, l.hash,
           l.hash = audit_hash(l)
           AND l.previous_hash = coalesce(lag(l.hash) OVER (ORDER BY l.sequence),
                                          decode(repeat('00', 32), 'hex'))
           AND l.sequence = row_number() OVER (ORDER BY l.sequence) AS follows
      FROM audit_log l
     WHERE l.workspace_id = (SELECT current_setting('app.workspace_id'))::uuid
  ), ends AS (
    SELECT count(*) AS entries, min(c.sequence) FILTER (WHERE NOT c.follows) AS first_broken
      FROM chain c
  )
  SELECT e.entries,
         CASE WHEN e.first_broken IS NOT NULL THEN e.first_broken
              WHEN h.sequence IS DISTINCT FROM e.entries THEN least(h.sequence, e.entries) + 1
              WHEN h.hash IS DISTINCT FROM
                   (SELECT c.hash FROM chain c WHERE c.sequence = h.sequence) THEN h.sequence
         END,
         h.hash
    FROM ends e
    LEFT JOIN audit_heads h
      ON h.workspace_id = (SELECT current_setting('app.workspace_id'))::uuid
   WHERE e.entries > 0 OR h.sequence IS NOT NULL
$$;
GRANT EXECUTE ON FUNCTION audit_verify TO app;
