-- Pipelines: plans of content that an agent makes step by step, and that go on where they stopped.

ALTER TABLE ai_plan
  DROP CONSTRAINT ai_plan_status_check,
  ADD CONSTRAINT ai_plan_status_check
    CHECK (status IN ('running', 'completed', 'stopped', 'failed', 'cancelled')),
  -- Nothing wrote it; `halt` says more.
  DROP COLUMN failure,
  ADD COLUMN step text NOT NULL DEFAULT 'ideas'
    CHECK (step IN ('ideas', 'assets', 'captions', 'schedule', 'done')),
  -- Counts the runs; part of the execution's name, so that starting twice is one execution.
  ADD COLUMN run integer NOT NULL DEFAULT 1,
  ADD COLUMN execution_arn text,
  -- {"step": "…", "error": "…", "reason": "…", "resumable": true, "resets_at": "…"}
  ADD COLUMN halt jsonb,
  -- Ideas that were asked for, of those that are wanted.
  ADD COLUMN asked integer NOT NULL DEFAULT 0 CHECK (asked >= 0),
  -- Why ideas were not approved, one list of reasons for each.
  ADD COLUMN blocked jsonb NOT NULL DEFAULT '[]',
  -- What all calls of models took.
  ADD COLUMN input_tokens bigint NOT NULL DEFAULT 0,
  ADD COLUMN cached_tokens bigint NOT NULL DEFAULT 0,
  ADD COLUMN output_tokens bigint NOT NULL DEFAULT 0,
  ADD COLUMN cost_nanos bigint NOT NULL DEFAULT 0,
  ADD COLUMN latency_ms bigint NOT NULL DEFAULT 0,
  ADD COLUMN degraded boolean NOT NULL DEFAULT false,
  -- One call at a time: it shows the fence that it was given with everything that it writes.
  ADD COLUMN fence bigint NOT NULL DEFAULT 0,
  ADD COLUMN leased_until timestamptz,
  ADD COLUMN correlation_id uuid,
  ADD COLUMN trace text,
  -- When something was heard of the present run.
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ADD CONSTRAINT ai_plan_completed_is_done CHECK ((status = 'completed') = (step = 'done')),
  ADD CONSTRAINT ai_plan_halted_says_why
    CHECK ((status IN ('stopped', 'failed')) = (halt IS NOT NULL));
CREATE INDEX ai_plan_running ON ai_plan (updated_at) WHERE status = 'running';

ALTER TABLE ai_plan_item
  -- What of the library would show it.
  ADD COLUMN asset_id uuid,
  -- Why what stands beside it was not approved; NULL: it was, or is still to be written.
  ADD COLUMN refused text[] CHECK (cardinality(refused) > 0),
  -- When it could be published: what the clocks of the zone are meant to show, and the moment.
  ADD COLUMN local_at timestamp,
  ADD COLUMN time_zone text CHECK (length(time_zone) BETWEEN 1 AND 64),
  ADD COLUMN at timestamptz,
  -- Its place in the calendar, once a person has taken it.
  ADD COLUMN entry_id uuid,
  ADD CONSTRAINT ai_plan_item_times CHECK (num_nulls(local_at, time_zone, at) IN (0, 3)),
  ADD FOREIGN KEY (workspace_id, creator_id, asset_id) REFERENCES media (workspace_id, creator_id, id)
    ON DELETE SET NULL (asset_id),
  ADD FOREIGN KEY (workspace_id, creator_id, entry_id)
    REFERENCES content_schedule (workspace_id, creator_id, id) ON DELETE SET NULL (entry_id);
GRANT UPDATE (asset_id, refused, local_at, time_zone, at, entry_id) ON ai_plan_item TO app;

-- What stands beside an item of a plan is a draft like any other, which a person decides about.
ALTER TABLE ai_drafts
  ADD COLUMN plan_id uuid,
  ADD COLUMN plan_position integer,
  ADD CONSTRAINT ai_drafts_of_an_item CHECK ((plan_id IS NULL) = (plan_position IS NULL)),
  ADD FOREIGN KEY (workspace_id, plan_id, plan_position)
    REFERENCES ai_plan_item (workspace_id, plan_id, position) ON DELETE CASCADE;
CREATE UNIQUE INDEX ai_drafts_one_an_item ON ai_drafts (workspace_id, plan_id, plan_position)
  WHERE plan_id IS NOT NULL;

-- Plans whose execution was never started, or has been silent for longer than all retries of a step
-- last. Who is woken works in the plan's own workspace.
CREATE FUNCTION pipelines_to_take_up(most integer)
RETURNS TABLE (task text, workspace_id uuid, creator_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT 'pipeline', p.workspace_id, p.creator_id, p.id
    FROM ai_plan p
   WHERE p.status = 'running'
     AND ((p.execution_arn IS NULL AND p.updated_at < clock_timestamp() - interval '20 seconds')
       OR p.updated_at < clock_timestamp() - interval '30 minutes')
   ORDER BY p.updated_at LIMIT most
$$;
CALL open_to_gatekeeper('ai_plan', 'SELECT');
-- An owner must be able to create.
GRANT CREATE ON SCHEMA public TO gatekeeper;
ALTER FUNCTION pipelines_to_take_up OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
GRANT EXECUTE ON FUNCTION pipelines_to_take_up TO app;
