-- The daily check that each fan's value is what the transactions say, and repairs that people order.

-- Reads nothing but what the one function below tells.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auditor') THEN
    CREATE ROLE auditor LOGIN NOINHERIT NOCREATEDB NOCREATEROLE;
  END IF;
END
$$;
GRANT USAGE ON SCHEMA public TO auditor;

-- What a run found in a workspace.
CREATE TABLE money_checks (
  workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  run_id uuid NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  checked_fans bigint NOT NULL,
  drifted_fans bigint NOT NULL,
  drifted_cents numeric NOT NULL,
  PRIMARY KEY (workspace_id, run_id)
);

-- The fans that were off, up to a thousand a page of the run.
CREATE TABLE money_drifts (
  workspace_id uuid NOT NULL,
  run_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  -- The fan's stored value, the sum of the transactions' effective_cents, and what payments and
  -- reversals as reported make it.
  value_cents bigint NOT NULL,
  booked_cents numeric NOT NULL,
  due_cents numeric NOT NULL,
  PRIMARY KEY (workspace_id, run_id, fan_id),
  FOREIGN KEY (workspace_id, run_id) REFERENCES money_checks ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE
);

-- What an operator had put right, and why. Rows are added, and never changed.
CREATE TABLE money_repairs (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  ordered_by text NOT NULL CHECK (length(ordered_by) BETWEEN 1 AND 200),
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  repaired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  fans bigint NOT NULL,
  -- [{"fan_id": "…", "from_cents": 1, "to_cents": 2}], the first thousand; the count is complete.
  changes jsonb NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
);

DO $$
DECLARE
  target text;
BEGIN
  CALL protect_tenant_table('money_checks', 'workspace_id', NULL);
  CALL protect_tenant_table('money_drifts', 'workspace_id', 'creator_id');
  CALL protect_tenant_table('money_repairs', 'workspace_id', 'creator_id');
  GRANT SELECT, INSERT ON money_repairs TO app;
  CALL open_to_gatekeeper('money_checks', 'SELECT, INSERT, UPDATE');
  CALL open_to_gatekeeper('money_drifts', 'SELECT, INSERT');
  FOREACH target IN ARRAY ARRAY['fans', 'transactions'] LOOP
    IF EXISTS (SELECT FROM pg_policies WHERE tablename = target AND policyname = 'gatekeeper') THEN
      EXECUTE format('GRANT SELECT ON %I TO gatekeeper', target);
    ELSE
      CALL open_to_gatekeeper(target::regclass, 'SELECT');
    END IF;
  END LOOP;
END
$$;

-- Checks the next fans after one, and writes down what it finds; no row: there are none left.
--
-- One statement, and so one snapshot: a value and its transactions are written together, and are
-- seen together. It takes no lock that a writer waits for. Reversals are added up here by the rule
-- and not in the way of huntaze.domain.money, so that a mistake there is not made twice.
CREATE FUNCTION check_money(run uuid, after_workspace uuid, after_fan uuid, most integer)
RETURNS TABLE (last_workspace uuid, last_fan uuid, checked bigint, drifted bigint, cents numeric)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  WITH page AS MATERIALIZED (
    SELECT f.workspace_id, f.id, f.creator_id, f.value_cents
      FROM fans f
     WHERE (f.workspace_id, f.id) > (after_workspace, after_fan)
     ORDER BY f.workspace_id, f.id
     LIMIT most
  ), sums AS (
    SELECT page.*, of_fan.booked, of_fan.due
      FROM page
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.effective_cents), 0) AS booked,
              coalesce(sum(t.net_cents - taken.cents) FILTER (WHERE t.reverses IS NULL), 0) AS due
         FROM transactions t
        CROSS JOIN LATERAL (
          SELECT least(t.net_cents, coalesce(
                   sum(CASE WHEN r.net_cents > 0 THEN r.net_cents
                            WHEN r.amount_cents = 0 THEN t.net_cents
                            WHEN r.fee_cents = 0 AND t.amount_cents = 0 THEN r.amount_cents
                            ELSE 0 END)
                   + coalesce(round(t.net_cents * least(t.amount_cents, sum(
                       CASE WHEN r.net_cents = 0 AND r.fee_cents = 0 THEN r.amount_cents ELSE 0 END))
                       / nullif(t.amount_cents, 0)), 0), 0)) AS cents
            FROM transactions r
           WHERE t.reverses IS NULL AND r.workspace_id = t.workspace_id
             AND r.creator_id = t.creator_id AND r.reverses = t.transaction_id
        ) taken
        WHERE t.workspace_id = page.workspace_id AND t.fan_id = page.id
     ) of_fan
  ), off AS (
    SELECT sums.*, greatest(abs(value_cents - due), abs(booked - due)) AS cents FROM sums
     WHERE value_cents <> due OR booked <> due
  ), recorded AS (
    INSERT INTO money_checks AS c (workspace_id, run_id, checked_fans, drifted_fans, drifted_cents)
    SELECT s.workspace_id, run, count(*), count(o.id), coalesce(sum(o.cents), 0)
      FROM sums s LEFT JOIN off o USING (workspace_id, id)
     GROUP BY s.workspace_id
    ON CONFLICT (workspace_id, run_id) DO UPDATE
       SET checked_fans = c.checked_fans + EXCLUDED.checked_fans,
           drifted_fans = c.drifted_fans + EXCLUDED.drifted_fans,
           drifted_cents = c.drifted_cents + EXCLUDED.drifted_cents
  ), named AS (
    INSERT INTO money_drifts
      (workspace_id, run_id, fan_id, creator_id, value_cents, booked_cents, due_cents)
    SELECT workspace_id, run, id, creator_id, value_cents, booked, due FROM off LIMIT 1000
  )
  SELECT last.workspace_id, last.id, (SELECT count(*) FROM page), (SELECT count(*) FROM off),
         (SELECT coalesce(sum(off.cents), 0) FROM off)
    FROM (SELECT workspace_id, id FROM page ORDER BY workspace_id DESC, id DESC LIMIT 1) last
$$;
GRANT CREATE ON SCHEMA public TO gatekeeper;
ALTER FUNCTION check_money OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
GRANT EXECUTE ON FUNCTION check_money TO auditor;
