-- What operators changed about features.

-- One row a change that was ordered, written before the store of flags is asked: there is no change
-- without a row. `applied` says whether the store took it; NULL: nobody knows, the process died.
-- Rows outlive accounts.
CREATE TABLE flag_changes (
  id uuid PRIMARY KEY DEFAULT uuid7(),
  flag text NOT NULL CHECK (flag ~ '^[a-z_]{1,60}$'),
  version integer NOT NULL CHECK (version > 0),
  rollout jsonb NOT NULL,
  changed_by uuid NOT NULL,
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  applied boolean
);
CREATE INDEX flag_changes_newest ON flag_changes (flag, id DESC);
ALTER TABLE flag_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE flag_changes FORCE ROW LEVEL SECURITY;
CALL open_to_gatekeeper('flag_changes', 'SELECT, INSERT, UPDATE (applied)');

GRANT CREATE ON SCHEMA public TO gatekeeper;

CREATE FUNCTION order_flag_change(
  of_flag text, to_version integer, wanted jsonb, by_whom uuid, why text
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  INSERT INTO flag_changes (flag, version, rollout, changed_by, reason)
  VALUES (of_flag, to_version, wanted, by_whom, why) RETURNING id
$$;

CREATE FUNCTION settle_flag_change(ordered uuid, was_applied boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  UPDATE flag_changes SET applied = was_applied WHERE id = ordered AND applied IS NULL
$$;

CREATE FUNCTION list_flag_changes(of_flag text, most integer)
RETURNS TABLE (version integer, rollout jsonb, changed_by uuid, reason text, ordered_at timestamptz,
               applied boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT c.version, c.rollout, c.changed_by, c.reason, c.ordered_at, c.applied
    FROM flag_changes c WHERE c.flag = of_flag ORDER BY c.id DESC LIMIT most
$$;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'order_flag_change(text, integer, jsonb, uuid, text)', 'settle_flag_change(uuid, boolean)',
    'list_flag_changes(text, integer)'
  ] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO gatekeeper', name);
    -- The role of operators' routes.
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO auditor', name);
  END LOOP;
END
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
