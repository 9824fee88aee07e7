-- Campaigns that models prepare: one row a workflow, one a step of it.

CREATE TABLE workflows (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  kind text NOT NULL DEFAULT 'hybrid_campaign' CHECK (kind = 'hybrid_campaign'),
  status text NOT NULL DEFAULT 'running'
    CHECK (status IN ('running', 'completed', 'stopped', 'failed')),
  -- What was asked for, and what it was said to cost; neither changes.
  request jsonb NOT NULL,
  forecast jsonb NOT NULL,
  -- Counts the runs; part of the execution's name, so that starting twice is one execution.
  run integer NOT NULL DEFAULT 1,
  execution_arn text,
  -- {"step": "…", "error": "…", "reason": "…", "resumable": true, "resets_at": "…"}
  halt jsonb,
  campaign_id uuid,
  requested_by uuid NOT NULL,
  correlation_id uuid,
  trace text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Of the present run.
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id, campaign_id)
    REFERENCES campaigns (workspace_id, creator_id, id) ON DELETE SET NULL (campaign_id),
  CHECK ((status IN ('stopped', 'failed')) = (halt IS NOT NULL)),
  CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX workflows_running ON workflows (started_at) WHERE status = 'running';
CREATE INDEX workflows_ended ON workflows (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE workflow_steps (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  step text NOT NULL CHECK (length(step) BETWEEN 1 AND 40),
  attempts integer NOT NULL DEFAULT 1 CHECK (attempts > 0),
  -- Until then nobody else works on it; NULL when it is done or let go.
  leased_until timestamptz,
  -- The model's answer, kept as soon as it is there: whoever does the step again pays nothing.
  reply jsonb,
  result jsonb,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, workflow_id, step),
  FOREIGN KEY (workspace_id, creator_id, workflow_id)
    REFERENCES workflows (workspace_id, creator_id, id) ON DELETE CASCADE,
  CHECK ((result IS NULL) = (finished_at IS NULL))
);

-- For operators' figures.
CREATE INDEX ai_generations_refused ON ai_generations (started_at) WHERE result = 'BudgetUsedUp';
CREATE INDEX ai_spending_by_day ON ai_spending (starts_on);

-- What models took to write a campaign (0 for a person's), and the answer that its texts are, until
-- a person changes them. No key: the books of models are apart, as they are of the campaign.
ALTER TABLE campaigns
  ADD COLUMN ai_cost_nanos bigint NOT NULL DEFAULT 0 CHECK (ai_cost_nanos >= 0),
  ADD COLUMN generation_id uuid;

-- What each call of a model belongs to, from the request that caused it.
ALTER TABLE ai_generations ADD COLUMN correlation_id uuid;

CREATE OR REPLACE FUNCTION ai_open(workspace uuid, opening jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM ai_enter(workspace);
  INSERT INTO ai_generations (workspace_id, id, creator_id, campaign_id, correlation_id, task, agent,
                              complexity, critical, prompt_version, tier, reason, hops)
  SELECT workspace, o.id, o.creator_id, o.campaign_id, o.correlation_id, o.task, o.agent,
         o.complexity, o.critical, o.prompt_version, o.tier, o.reason, o.hops
    FROM jsonb_to_record(opening) AS o(id uuid, creator_id uuid, campaign_id uuid,
         correlation_id uuid, task text, agent text, complexity smallint, critical boolean,
         prompt_version text, tier text, reason text, hops text[])
      ON CONFLICT (workspace_id, id) DO UPDATE
     SET tier = excluded.tier, reason = excluded.reason, hops = excluded.hops;
END
$$;

CALL protect_tenant_table('workflows', 'workspace_id', 'creator_id');
CALL protect_tenant_table('workflow_steps', 'workspace_id', 'creator_id');
GRANT SELECT, INSERT,
      UPDATE (status, run, execution_arn, halt, campaign_id, correlation_id, trace, started_at,
              updated_at, finished_at)
  ON workflows TO app;
GRANT SELECT, INSERT, UPDATE (attempts, leased_until, reply, result, finished_at)
  ON workflow_steps TO app;

CALL open_to_gatekeeper('workflows', 'SELECT');

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Workflows whose execution may have been lost: never started, or silent for longer than all
-- retries of a step last. The sweeper then works in each one's own workspace.
CREATE FUNCTION workflows_to_move()
RETURNS TABLE (workspace_id uuid, workflow_id uuid, move text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT w.workspace_id, w.id, CASE WHEN w.execution_arn IS NULL THEN 'start' ELSE 'give_up' END
    FROM workflows w
   WHERE w.status = 'running'
     AND ((w.execution_arn IS NULL AND w.started_at < clock_timestamp() - interval '20 seconds')
       OR w.updated_at < clock_timestamp() - interval '2 hours')
   ORDER BY w.started_at LIMIT 500
$$;

-- For operators: figures of all workspaces together, and rows of none.
CREATE FUNCTION workflow_figures()
RETURNS TABLE (running bigint, oldest_seconds double precision, waiting bigint,
               queue_seconds double precision, completed_today bigint, stopped_today bigint,
               failed_today bigint, last_success_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT count(*) FILTER (WHERE w.status = 'running'),
         extract(epoch FROM clock_timestamp() - min(w.started_at) FILTER (
           WHERE w.status = 'running'))::float8,
         count(*) FILTER (WHERE w.status = 'running' AND w.execution_arn IS NULL),
         extract(epoch FROM clock_timestamp() - min(w.started_at) FILTER (
           WHERE w.status = 'running' AND w.execution_arn IS NULL))::float8,
         count(*) FILTER (WHERE w.status = 'completed' AND w.finished_at > day.ago),
         count(*) FILTER (WHERE w.status = 'stopped' AND w.finished_at > day.ago),
         count(*) FILTER (WHERE w.status = 'failed' AND w.finished_at > day.ago),
         max(w.finished_at) FILTER (WHERE w.status = 'completed')
    FROM (SELECT clock_timestamp() - interval '24 hours' AS ago) day LEFT JOIN workflows w ON true
$$;

CREATE FUNCTION ai_budget_figures()
RETURNS TABLE (spent_today_nanos bigint, spent_this_month_nanos bigint, reserved_nanos bigint,
               workspaces_refused bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT coalesce(sum(s.spent_nanos) FILTER (WHERE s.period = 'day'), 0)::bigint,
         coalesce(sum(s.spent_nanos) FILTER (WHERE s.period = 'month'), 0)::bigint,
         coalesce(sum(s.reserved_nanos) FILTER (WHERE s.period = 'month'), 0)::bigint,
         (SELECT count(DISTINCT g.workspace_id) FROM ai_generations g
           WHERE g.result = 'BudgetUsedUp' AND g.started_at > clock_timestamp() - interval '24 hours')
    FROM ai_spending s
   WHERE (s.period = 'day' AND s.starts_on = (clock_timestamp() AT TIME ZONE 'UTC')::date)
      OR (s.period = 'month' AND s.starts_on = usage_month(clock_timestamp()))
$$;

ALTER FUNCTION workflows_to_move OWNER TO gatekeeper;
ALTER FUNCTION workflow_figures OWNER TO gatekeeper;
ALTER FUNCTION ai_budget_figures OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION workflows_to_move TO app;
GRANT EXECUTE ON FUNCTION workflow_figures, ai_budget_figures TO auditor;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
