-- What models cost, as workspaces look at it; what they are told about it, and what they may save.

-- The sums of settled calls, by everything that somebody asks about. By the UTC day in which a call
-- was reserved, as the budget counts it: the sum of a day is what its row of ai_spending has spent.
-- No key to creators or campaigns: what was spent stays, whatever becomes of them.
CREATE TABLE ai_daily_costs (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  day date NOT NULL,
  creator_id uuid,
  campaign_id uuid,
  task text NOT NULL,
  agent text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  tier text NOT NULL,
  -- Why the router chose the tier.
  reason text NOT NULL,
  -- Calls of providers, and answers that were there already.
  calls bigint NOT NULL,
  hits bigint NOT NULL,
  input_tokens bigint NOT NULL,
  cached_tokens bigint NOT NULL,
  written_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  latency_ms bigint NOT NULL,
  cost_nanos bigint NOT NULL,
  -- Of the cost, what is only presumed: nobody can prove which tokens were used.
  estimated_nanos bigint NOT NULL,
  -- What the proven tokens had cost: all by the premium model and without a cache; all by the
  -- economy model, with the same cache.
  baseline_nanos bigint NOT NULL,
  economy_nanos bigint NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE NULLS NOT DISTINCT
    (workspace_id, day, creator_id, campaign_id, task, agent, provider, model, tier, reason)
);
CALL protect_tenant_table('ai_daily_costs', 'workspace_id', 'creator_id');
GRANT SELECT ON ai_daily_costs TO app;
CALL open_to_gatekeeper('ai_daily_costs', 'SELECT, INSERT, UPDATE');

-- What a workspace wants to hear of its costs, and where. The address of a Slack channel is a
-- secret: whoever has it may post there. Sealed by KMS for the workspace.
CREATE TABLE ai_cost_settings (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces,
  thresholds smallint[] NOT NULL
    CHECK (cardinality(thresholds) <= 10 AND 0 < ALL (thresholds) AND 100 >= ALL (thresholds)),
  slack_sealed_key bytea,
  slack_sealed bytea,
  updated_by uuid NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((slack_sealed_key IS NULL) = (slack_sealed IS NULL))
);
CALL protect_tenant_table('ai_cost_settings', 'workspace_id', NULL);
GRANT SELECT, INSERT, UPDATE ON ai_cost_settings TO app;
CALL open_to_gatekeeper('ai_cost_settings', 'SELECT');

-- One row a crossing: of a part of a limit, in a day or a month. A limit that is changed can be
-- crossed anew.
CREATE TABLE ai_cost_alerts (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  period text NOT NULL CHECK (period IN ('day', 'month')),
  starts_on date NOT NULL,
  -- In hundredths of the limit.
  threshold smallint NOT NULL CHECK (threshold BETWEEN 1 AND 100),
  limit_nanos bigint NOT NULL CHECK (limit_nanos > 0),
  -- When it was seen.
  spent_nanos bigint NOT NULL,
  raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  acknowledged_by uuid,
  acknowledged_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, period, starts_on, threshold, limit_nanos),
  CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
);
CALL protect_tenant_table('ai_cost_alerts', 'workspace_id', NULL);
GRANT SELECT, UPDATE (acknowledged_by, acknowledged_at) ON ai_cost_alerts TO app;
CALL open_to_gatekeeper('ai_cost_alerts', 'SELECT, INSERT');

-- Where an alert is told beside mails and the bell. Whoever posts marks the row before: what dies
-- in the midst is never posted again, and is called unknown.
CREATE TABLE ai_cost_alert_posts (
  workspace_id uuid NOT NULL,
  alert_id uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ('slack', 'sns')),
  state text NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'posting', 'posted', 'failed', 'unknown')),
  tries smallint NOT NULL DEFAULT 0,
  -- When it is tried next, or when the present try is given up.
  look_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, alert_id, channel),
  FOREIGN KEY (workspace_id, alert_id) REFERENCES ai_cost_alerts ON DELETE CASCADE
);
CREATE INDEX ai_cost_alert_posts_due ON ai_cost_alert_posts (look_at)
  WHERE state IN ('waiting', 'posting');
CALL protect_tenant_table('ai_cost_alert_posts', 'workspace_id', NULL);
GRANT SELECT ON ai_cost_alert_posts TO app;
CALL open_to_gatekeeper('ai_cost_alert_posts', 'SELECT, INSERT, UPDATE');

-- Kinds of work that a workspace has the economy model do although the router would not.
CREATE TABLE ai_economy_tasks (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  task text NOT NULL CHECK (length(task) BETWEEN 1 AND 60),
  chosen_by uuid NOT NULL,
  chosen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, task)
);
CALL protect_tenant_table('ai_economy_tasks', 'workspace_id', NULL);
GRANT SELECT, INSERT, DELETE ON ai_economy_tasks TO app;

CALL open_to_gatekeeper('ai_budgets', 'SELECT');
GRANT INSERT ON events_outbox TO gatekeeper;
-- The present day and month of all workspaces.
CREATE INDEX ai_spending_begun ON ai_spending (starts_on);

-- Who asks models looks this up by itself, beside the request.
CREATE FUNCTION ai_economy_tasks_of(workspace uuid) RETURNS SETOF text
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM ai_enter(workspace);
  RETURN QUERY SELECT t.task FROM ai_economy_tasks t WHERE t.workspace_id = workspace;
END
$$;
GRANT EXECUTE ON FUNCTION ai_economy_tasks_of TO app;

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- In the transaction of the settlement, so that no call is missed and none counted twice.
CREATE FUNCTION add_to_daily_costs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  INSERT INTO ai_daily_costs AS d
         (workspace_id, day, creator_id, campaign_id, task, agent, provider, model, tier, reason,
          calls, hits, input_tokens, cached_tokens, written_tokens, output_tokens, latency_ms,
          cost_nanos, estimated_nanos, baseline_nanos, economy_nanos)
  SELECT NEW.workspace_id, (NEW.reserved_at AT TIME ZONE 'UTC')::date, g.creator_id, g.campaign_id,
         g.task, g.agent, NEW.provider, NEW.model, coalesce(f.tier, g.tier), g.reason,
         CASE WHEN f.cached THEN 0 ELSE 1 END, CASE WHEN f.cached THEN 1 ELSE 0 END,
         coalesce(f.input_tokens, 0), coalesce(f.cached_tokens, 0), coalesce(f.written_tokens, 0),
         coalesce(f.output_tokens, 0), coalesce(f.latency_ms, 0), NEW.cost_nanos,
         CASE WHEN f.estimated THEN NEW.cost_nanos ELSE 0 END,
         CASE WHEN f.estimated THEN 0 ELSE coalesce(f.baseline_nanos, 0) END,
         -- Calls of a release before know no other price than their own: nothing would be saved.
         CASE WHEN f.estimated THEN 0 ELSE coalesce(f.economy_nanos, NEW.cost_nanos) END
    FROM ai_generations g,
         jsonb_to_record(NEW.facts) AS f(cached boolean, estimated boolean, input_tokens bigint,
           cached_tokens bigint, written_tokens bigint, output_tokens bigint, latency_ms bigint,
           baseline_nanos bigint, economy_nanos bigint, tier text)
   WHERE g.workspace_id = NEW.workspace_id AND g.id = NEW.generation_id
      ON CONFLICT (workspace_id, day, creator_id, campaign_id, task, agent, provider, model, tier,
                   reason)
      DO UPDATE
     SET calls = d.calls + excluded.calls, hits = d.hits + excluded.hits,
         input_tokens = d.input_tokens + excluded.input_tokens,
         cached_tokens = d.cached_tokens + excluded.cached_tokens,
         written_tokens = d.written_tokens + excluded.written_tokens,
         output_tokens = d.output_tokens + excluded.output_tokens,
         latency_ms = d.latency_ms + excluded.latency_ms,
         cost_nanos = d.cost_nanos + excluded.cost_nanos,
         estimated_nanos = d.estimated_nanos + excluded.estimated_nanos,
         baseline_nanos = d.baseline_nanos + excluded.baseline_nanos,
         economy_nanos = d.economy_nanos + excluded.economy_nanos;
  RETURN NULL;
END
$$;

-- Writes down which parts of limits were crossed, each crossing once, and tells of the highest of
-- those that are seen together. `caps` says what each plan includes in a month, null for no end. A
-- period that has just ended is looked at once more: its last calls were settled meanwhile.
CREATE FUNCTION ai_raise_alerts(caps jsonb, over_for interval)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  cent CONSTANT bigint := 10000000;
  at CONSTANT timestamptz := clock_timestamp();
  before CONSTANT timestamptz := at - over_for;
  raised_now integer;
BEGIN
  WITH books AS (
    SELECT s.workspace_id, s.period, s.starts_on, s.spent_nanos,
           coalesce(t.thresholds, ARRAY[50, 80, 95]::smallint[]) AS thresholds,
           t.slack_sealed IS NOT NULL AS has_slack,
           CASE s.period WHEN 'day' THEN b.daily_cents * cent
                ELSE least((caps->>CASE WHEN caps ? p.plan THEN p.plan ELSE 'free' END)::bigint,
                           b.monthly_cents * cent) END AS limit_nanos
      FROM ai_spending s
      JOIN workspaces w ON w.id = s.workspace_id
      CROSS JOIN LATERAL (
        SELECT CASE WHEN w.plan_until IS NULL OR w.plan_until > at THEN w.plan ELSE 'free' END
            AS plan) p
      LEFT JOIN ai_budgets b ON b.workspace_id = s.workspace_id
      LEFT JOIN ai_cost_settings t ON t.workspace_id = s.workspace_id
     WHERE s.spent_nanos > 0
       AND (s.period, s.starts_on) IN (
         ('day', (at AT TIME ZONE 'UTC')::date), ('day', (before AT TIME ZONE 'UTC')::date),
         ('month', usage_month(at)), ('month', usage_month(before)))
  ), raised AS (
    INSERT INTO ai_cost_alerts
           (workspace_id, period, starts_on, threshold, limit_nanos, spent_nanos)
    SELECT b.workspace_id, b.period, b.starts_on, part, b.limit_nanos, b.spent_nanos
      FROM books b CROSS JOIN LATERAL (SELECT DISTINCT unnest(b.thresholds) AS part) parts
     WHERE b.limit_nanos > 0 AND b.spent_nanos::numeric * 100 >= b.limit_nanos::numeric * part
     -- In one order, so that two that look at once wait for each other and never in a circle.
     ORDER BY b.workspace_id, b.period, b.starts_on, part
        ON CONFLICT DO NOTHING
    RETURNING *
  ), loudest AS (
    SELECT DISTINCT ON (workspace_id, period, starts_on) * FROM raised
     ORDER BY workspace_id, period, starts_on, threshold DESC
  ), told AS (
    INSERT INTO events_outbox (workspace_id, aggregate_type, aggregate_id, event_type, payload)
    SELECT workspace_id, 'cost_alert', id, 'cost.alert',
           jsonb_build_object('period', period, 'starts_on', starts_on, 'threshold', threshold,
                              'limit_nanos', limit_nanos, 'spent_nanos', spent_nanos)
      FROM loudest
  ), posts AS (
    INSERT INTO ai_cost_alert_posts (workspace_id, alert_id, channel)
    SELECT l.workspace_id, l.id, c.channel
      FROM loudest l
      JOIN (SELECT DISTINCT workspace_id, has_slack FROM books) b USING (workspace_id)
      CROSS JOIN LATERAL (
        SELECT 'sns' AS channel UNION ALL SELECT 'slack' WHERE b.has_slack) c
  )
  SELECT count(*) INTO raised_now FROM raised;
  RETURN raised_now;
END
$$;

-- Hands out one post that is due, marked before it is made. What was marked and never answered for
-- has died in the midst.
CREATE FUNCTION ai_next_alert_post(lease interval)
RETURNS TABLE (workspace_id uuid, alert_id uuid, channel text, period text, starts_on date,
               threshold smallint, limit_nanos bigint, spent_nanos bigint, sealed_key bytea,
               sealed bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  UPDATE ai_cost_alert_posts p SET state = 'unknown'
   WHERE p.state = 'posting' AND p.look_at <= clock_timestamp();
  RETURN QUERY
  WITH mine AS (
    SELECT p.workspace_id, p.alert_id, p.channel FROM ai_cost_alert_posts p
     WHERE p.state = 'waiting' AND p.look_at <= clock_timestamp()
     ORDER BY p.look_at LIMIT 1 FOR UPDATE SKIP LOCKED
  ), marked AS (
    UPDATE ai_cost_alert_posts p
       SET state = 'posting', tries = p.tries + 1, look_at = clock_timestamp() + lease
      FROM mine m
     WHERE p.workspace_id = m.workspace_id AND p.alert_id = m.alert_id AND p.channel = m.channel
    RETURNING p.workspace_id, p.alert_id, p.channel
  )
  SELECT m.workspace_id, m.alert_id, m.channel, a.period, a.starts_on, a.threshold, a.limit_nanos,
         a.spent_nanos, s.slack_sealed_key, s.slack_sealed
    FROM marked m
    JOIN ai_cost_alerts a ON a.workspace_id = m.workspace_id AND a.id = m.alert_id
    LEFT JOIN ai_cost_settings s ON s.workspace_id = m.workspace_id AND m.channel = 'slack';
END
$$;

-- Says what became of a post: made, or surely not made and to be tried again until `most` tries.
CREATE FUNCTION ai_alert_posted(
  workspace uuid, alert uuid, of_channel text, was_made boolean, pause interval, most integer
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  UPDATE ai_cost_alert_posts
     SET state = CASE WHEN was_made THEN 'posted' WHEN tries >= most THEN 'failed'
                      ELSE 'waiting' END,
         look_at = clock_timestamp() + pause * tries
   WHERE workspace_id = workspace AND alert_id = alert AND channel = of_channel
     AND state = 'posting';
$$;

ALTER FUNCTION add_to_daily_costs OWNER TO gatekeeper;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'ai_raise_alerts(jsonb, interval)', 'ai_next_alert_post(interval)',
    'ai_alert_posted(uuid, uuid, text, boolean, interval, integer)'
  ] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO gatekeeper', name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO relay', name);
  END LOOP;
END
$$;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;

CREATE TRIGGER ai_calls_settled AFTER UPDATE OF state ON ai_calls
  FOR EACH ROW WHEN (NEW.state = 'settled' AND OLD.state <> 'settled')
  EXECUTE FUNCTION add_to_daily_costs();
-- An answer that was there already is settled from the beginning.
CREATE TRIGGER ai_calls_known AFTER INSERT ON ai_calls
  FOR EACH ROW WHEN (NEW.state = 'settled') EXECUTE FUNCTION add_to_daily_costs();
