-- What models are asked for, what that may cost and has cost, and what became of their answers.

-- A workspace's own limits, below what its plan includes. NULL: none of its own.
CREATE TABLE ai_budgets (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces,
  monthly_cents bigint CHECK (monthly_cents >= 0),
  daily_cents bigint CHECK (daily_cents >= 0),
  over_budget text NOT NULL DEFAULT 'degrade' CHECK (over_budget IN ('degrade', 'stop')),
  updated_by uuid NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Days and calendar months of UTC, in billionths of a US dollar. What calls in flight may cost at
-- most is reserved; what they did cost is spent.
CREATE TABLE ai_spending (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  period text NOT NULL CHECK (period IN ('day', 'month')),
  starts_on date NOT NULL,
  reserved_nanos bigint NOT NULL DEFAULT 0 CHECK (reserved_nanos >= 0),
  spent_nanos bigint NOT NULL DEFAULT 0 CHECK (spent_nanos >= 0),
  -- Of the spent, what the workspace is billed for: not what is only presumed to have been used.
  billed_nanos bigint NOT NULL DEFAULT 0 CHECK (billed_nanos BETWEEN 0 AND spent_nanos),
  PRIMARY KEY (workspace_id, period, starts_on)
);

-- One row a request: what the router decided and why, who answered, what people made of it. No
-- key to campaigns: a request may speak of one that its own transaction has not committed yet.
CREATE TABLE ai_generations (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL,
  creator_id uuid,
  campaign_id uuid,
  task text NOT NULL,
  agent text NOT NULL,
  complexity smallint NOT NULL,
  critical boolean NOT NULL,
  tier text NOT NULL,
  reason text NOT NULL,
  -- The models in the order in which they were to be asked.
  hops text[] NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  -- How it ended: answered, or the code of the refusal; NULL while it runs, or when it died.
  result text,
  provider text,
  model text,
  cached boolean NOT NULL DEFAULT false,
  outcome text CHECK (outcome IN ('accepted', 'edited', 'rejected', 'handed_over', 'resolved')),
  outcome_by uuid,
  outcome_at timestamptz,
  satisfaction smallint CHECK (satisfaction BETWEEN 1 AND 5),
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
    ON DELETE SET NULL (creator_id),
  CHECK ((outcome IS NULL) = (outcome_at IS NULL))
);

-- One row a call of a provider, from the reserve to the day after its cost row is stored.
CREATE TABLE ai_calls (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL,
  generation_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'returned', 'settled')),
  provider text NOT NULL,
  model text NOT NULL,
  reserved_nanos bigint NOT NULL CHECK (reserved_nanos >= 0),
  -- When and in which day and month it was reserved; it is settled in the same ones.
  reserved_at timestamptz NOT NULL,
  leased_until timestamptz NOT NULL,
  settled_at timestamptz,
  cost_nanos bigint CHECK (cost_nanos >= 0),
  -- Tokens by kind, latency, price date: the rest of the cost row.
  facts jsonb,
  stored_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, generation_id) REFERENCES ai_generations ON DELETE CASCADE,
  CHECK ((state = 'settled') = (settled_at IS NOT NULL AND cost_nanos IS NOT NULL
                                AND facts IS NOT NULL))
);
CREATE INDEX ai_calls_of_generation ON ai_calls (workspace_id, generation_id);
CREATE INDEX ai_calls_leased ON ai_calls (workspace_id, leased_until) WHERE state = 'reserved';
CREATE INDEX ai_calls_unstored ON ai_calls (settled_at) WHERE state = 'settled' AND stored_at IS NULL;
CREATE INDEX ai_calls_stored ON ai_calls (stored_at) WHERE stored_at IS NOT NULL;

-- When each key of a cached prefix was used, the last times only.
CREATE TABLE ai_prefix_uses (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  prefix text NOT NULL,
  shard integer NOT NULL CHECK (shard >= 0),
  uses timestamptz[] NOT NULL,
  PRIMARY KEY (workspace_id, prefix, shard)
);

CALL protect_tenant_table('ai_budgets', 'workspace_id', NULL);
CALL protect_tenant_table('ai_spending', 'workspace_id', NULL);
CALL protect_tenant_table('ai_generations', 'workspace_id', 'creator_id');
CALL protect_tenant_table('ai_calls', 'workspace_id', NULL);
CALL protect_tenant_table('ai_prefix_uses', 'workspace_id', NULL);

GRANT SELECT, INSERT, UPDATE ON ai_budgets, ai_spending, ai_prefix_uses TO app;
GRANT SELECT, INSERT,
      UPDATE (ended_at, result, provider, model, cached, tier, reason, hops, outcome, outcome_by,
              outcome_at, satisfaction)
  ON ai_generations TO app;
GRANT SELECT, INSERT, DELETE, UPDATE (state, settled_at, cost_nanos, facts) ON ai_calls TO app;

CALL open_to_gatekeeper('ai_spending', 'SELECT, UPDATE');
CALL open_to_gatekeeper('ai_generations', 'SELECT');
CALL open_to_gatekeeper('ai_calls', 'SELECT, UPDATE, DELETE');
CALL open_to_gatekeeper('ai_prefix_uses', 'SELECT, DELETE');

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Everything that changes the books of one workspace follows one another until the commit. Not a
-- row's lock: a request's own transaction may hold rows while it waits for a model.
CREATE FUNCTION ai_wait_for_turn(workspace uuid) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('lock_timeout', '10s', true);
  PERFORM pg_advisory_xact_lock(hashtextextended('ai:' || workspace, 0));
END
$$;
GRANT EXECUTE ON FUNCTION ai_wait_for_turn TO app, gatekeeper;

-- Gives back what calls had reserved whose process died. Waits for its turn before.
CREATE FUNCTION ai_return_expired(workspace uuid) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  gone record;
  returned integer := 0;
BEGIN
  FOR gone IN
    UPDATE ai_calls SET state = 'returned'
     WHERE workspace_id = workspace AND state = 'reserved' AND leased_until <= clock_timestamp()
    RETURNING reserved_nanos, reserved_at
  LOOP
    UPDATE ai_spending SET reserved_nanos = reserved_nanos - gone.reserved_nanos
     WHERE workspace_id = workspace
       AND ((period = 'month' AND starts_on = usage_month(gone.reserved_at))
         OR (period = 'day' AND starts_on = (gone.reserved_at AT TIME ZONE 'UTC')::date));
    returned := returned + 1;
  END LOOP;
  RETURN returned;
END
$$;
GRANT EXECUTE ON FUNCTION ai_return_expired TO app, gatekeeper;

-- Makes the rest of a transaction that of one workspace: a call of these functions is a statement of
-- its own, because each round trip is time that somebody waits for a model.
CREATE FUNCTION ai_enter(workspace uuid) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('app.workspace_id', workspace::text, true),
          set_config('app.creator_scope', '*', true);
END
$$;
GRANT EXECUTE ON FUNCTION ai_enter TO app;

-- Writes down what the router decided; again when the budget has changed it.
CREATE FUNCTION ai_open(workspace uuid, opening jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM ai_enter(workspace);
  INSERT INTO ai_generations (workspace_id, id, creator_id, campaign_id, task, agent, complexity,
                              critical, tier, reason, hops)
  SELECT workspace, o.id, o.creator_id, o.campaign_id, o.task, o.agent, o.complexity, o.critical,
         o.tier, o.reason, o.hops
    FROM jsonb_to_record(opening) AS o(id uuid, creator_id uuid, campaign_id uuid, task text,
         agent text, complexity smallint, critical boolean, tier text, reason text, hops text[])
      ON CONFLICT (workspace_id, id) DO UPDATE
     SET tier = excluded.tier, reason = excluded.reason, hops = excluded.hops;
END
$$;
GRANT EXECUTE ON FUNCTION ai_open TO app;

-- Writes down how a generation ended; NULL: it goes on.
CREATE FUNCTION ai_end(workspace uuid, generation uuid, ending jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF ending IS NOT NULL THEN
    UPDATE ai_generations
       SET ended_at = clock_timestamp(), result = ending->>'result', provider = ending->>'provider',
           model = ending->>'model', cached = (ending->>'cached')::boolean
     WHERE workspace_id = workspace AND id = generation;
  END IF;
END
$$;
GRANT EXECUTE ON FUNCTION ai_end TO app;

-- Reserves what a call may cost at most, if both its day and its month have room for it.
--
-- `caps` says what each plan includes in a month, null for no end; which plan is in force is decided
-- as `huntaze.domain.billing.entitlements` does. `prefix` names the cached prefix, NULL for none:
-- the answer's shard is the first whose key was used less than `most_uses` times within
-- `window_length`.
CREATE FUNCTION ai_reserve(
  workspace uuid, opening jsonb, call uuid, of_provider text, of_model text, nanos bigint,
  lease interval, caps jsonb, used_prefix text, most_uses integer, window_length interval,
  OUT granted boolean, OUT resets_at timestamptz, OUT over_budget text, OUT shard integer,
  OUT in_force text
)
LANGUAGE plpgsql
AS $$
DECLARE
  cent CONSTANT bigint := 10000000;
  at timestamptz;
  today date;
  this_month date;
  month_cap bigint;
  own record;
  of_month record;
  of_day record;
BEGIN
  PERFORM ai_open(workspace, opening);
  SELECT CASE WHEN plan_until IS NULL OR plan_until > clock_timestamp() THEN plan ELSE 'free' END
    INTO in_force FROM workspaces WHERE id = workspace;
  month_cap := (caps->>CASE WHEN caps ? in_force THEN in_force ELSE 'free' END)::bigint;
  PERFORM ai_wait_for_turn(workspace);
  PERFORM ai_return_expired(workspace);
  at := clock_timestamp();
  today := (at AT TIME ZONE 'UTC')::date;
  this_month := usage_month(at);
  INSERT INTO ai_spending (workspace_id, period, starts_on)
  VALUES (workspace, 'month', this_month), (workspace, 'day', today) ON CONFLICT DO NOTHING;
  SELECT * INTO own FROM ai_budgets WHERE workspace_id = workspace;
  over_budget := coalesce(own.over_budget, 'degrade');
  SELECT * INTO of_month FROM ai_spending
   WHERE workspace_id = workspace AND period = 'month' AND starts_on = this_month;
  SELECT * INTO of_day FROM ai_spending
   WHERE workspace_id = workspace AND period = 'day' AND starts_on = today;
  -- A limit that is NULL is none: no comparison with it is true.
  IF of_month.spent_nanos + of_month.reserved_nanos + nanos
     > least(month_cap, own.monthly_cents * cent) THEN
    granted := false;
    resets_at := (this_month + interval '1 month') AT TIME ZONE 'UTC';
    RETURN;
  END IF;
  IF of_day.spent_nanos + of_day.reserved_nanos + nanos > own.daily_cents * cent THEN
    granted := false;
    resets_at := (today + interval '1 day') AT TIME ZONE 'UTC';
    RETURN;
  END IF;
  granted := true;
  UPDATE ai_spending SET reserved_nanos = reserved_nanos + nanos
   WHERE workspace_id = workspace AND ((period = 'month' AND starts_on = this_month)
                                    OR (period = 'day' AND starts_on = today));
  INSERT INTO ai_calls (workspace_id, id, generation_id, provider, model, reserved_nanos,
                        reserved_at, leased_until)
  VALUES (workspace, call, (opening->>'id')::uuid, of_provider, of_model, nanos, at, at + lease);
  IF used_prefix IS NULL THEN
    RETURN;
  END IF;
  SELECT p.shard INTO shard FROM ai_prefix_uses p
   WHERE p.workspace_id = workspace AND p.prefix = used_prefix
     AND (cardinality(p.uses) < most_uses OR p.uses[1] <= at - window_length)
   ORDER BY p.shard LIMIT 1;
  IF shard IS NULL THEN
    SELECT coalesce(max(p.shard) + 1, 0) INTO shard FROM ai_prefix_uses p
     WHERE p.workspace_id = workspace AND p.prefix = used_prefix;
  END IF;
  INSERT INTO ai_prefix_uses AS p (workspace_id, prefix, shard, uses)
  VALUES (workspace, used_prefix, ai_reserve.shard, ARRAY[at])
      ON CONFLICT ON CONSTRAINT ai_prefix_uses_pkey DO UPDATE
     SET uses = (p.uses || at)[greatest(1, cardinality(p.uses) + 2 - most_uses):];
END
$$;
GRANT EXECUTE ON FUNCTION ai_reserve TO app;

-- Turns a reserve into what the call did cost, once; also after its lease, because a call that was
-- paid counts. Answers by how many millionths of a dollar the workspace's bill grows: fractions
-- are carried from call to call within the month. NULL: it was settled before.
CREATE FUNCTION ai_settle(
  workspace uuid, call uuid, nanos bigint, is_billed boolean, told jsonb, ending jsonb,
  OUT micros bigint
)
LANGUAGE plpgsql
AS $$
DECLARE
  before record;
  billed CONSTANT bigint := CASE WHEN is_billed THEN nanos ELSE 0 END;
  held bigint;
BEGIN
  PERFORM ai_enter(workspace);
  PERFORM ai_wait_for_turn(workspace);
  SELECT * INTO before FROM ai_calls
   WHERE workspace_id = workspace AND id = call AND state IN ('reserved', 'returned');
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM ai_end(workspace, before.generation_id, ending);
  held := CASE before.state WHEN 'reserved' THEN before.reserved_nanos ELSE 0 END;
  UPDATE ai_calls SET state = 'settled', settled_at = clock_timestamp(), cost_nanos = nanos,
                      facts = told
   WHERE workspace_id = workspace AND id = call;
  UPDATE ai_spending SET reserved_nanos = reserved_nanos - held, spent_nanos = spent_nanos + nanos,
                         billed_nanos = billed_nanos + billed
   WHERE workspace_id = workspace AND period = 'day'
     AND starts_on = (before.reserved_at AT TIME ZONE 'UTC')::date;
  UPDATE ai_spending SET reserved_nanos = reserved_nanos - held, spent_nanos = spent_nanos + nanos,
                         billed_nanos = billed_nanos + billed
   WHERE workspace_id = workspace AND period = 'month'
     AND starts_on = usage_month(before.reserved_at)
  RETURNING billed_nanos / 1000 - (billed_nanos - billed) / 1000 INTO micros;
END
$$;
GRANT EXECUTE ON FUNCTION ai_settle TO app;

-- Takes back the reserve of a call that the provider did not work on.
CREATE FUNCTION ai_release(workspace uuid, call uuid) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  before record;
BEGIN
  PERFORM ai_enter(workspace);
  PERFORM ai_wait_for_turn(workspace);
  DELETE FROM ai_calls WHERE workspace_id = workspace AND id = call AND state <> 'settled'
  RETURNING state, reserved_nanos, reserved_at INTO before;
  IF before.state = 'reserved' THEN
    UPDATE ai_spending SET reserved_nanos = reserved_nanos - before.reserved_nanos
     WHERE workspace_id = workspace
       AND ((period = 'month' AND starts_on = usage_month(before.reserved_at))
         OR (period = 'day' AND starts_on = (before.reserved_at AT TIME ZONE 'UTC')::date));
  END IF;
END
$$;
GRANT EXECUTE ON FUNCTION ai_release TO app;

-- The sweep's part: leases of all workspaces, rows on their way to the table of costs, leftovers.
CREATE FUNCTION ai_sweep_leases() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  workspace uuid;
  returned integer := 0;
BEGIN
  FOR workspace IN
    SELECT DISTINCT workspace_id FROM ai_calls
     WHERE state = 'reserved' AND leased_until <= clock_timestamp() ORDER BY 1 LIMIT 500
  LOOP
    PERFORM ai_wait_for_turn(workspace);
    returned := returned + ai_return_expired(workspace);
  END LOOP;
  RETURN returned;
END
$$;

CREATE FUNCTION ai_calls_to_store(most integer)
RETURNS TABLE (workspace_id uuid, call_id uuid, cost_row jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT c.workspace_id, c.id,
         c.facts || jsonb_build_object(
           'at', c.settled_at, 'generation_id', c.generation_id, 'creator_id', g.creator_id,
           'campaign_id', g.campaign_id, 'task', g.task, 'agent', g.agent,
           'provider', c.provider, 'model', c.model, 'cost_nanos', c.cost_nanos)
    FROM ai_calls c
    JOIN ai_generations g ON g.workspace_id = c.workspace_id AND g.id = c.generation_id
   WHERE c.state = 'settled' AND c.stored_at IS NULL
   ORDER BY c.settled_at LIMIT most
$$;

CREATE FUNCTION ai_calls_stored(stored uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  UPDATE ai_calls SET stored_at = clock_timestamp() WHERE id = ANY (stored) AND state = 'settled';
$$;

-- What has done its work: calls whose cost row is stored (or whose process died) since yesterday,
-- uses of prefixes that no window looks at any more.
CREATE FUNCTION ai_tidy() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  DELETE FROM ai_calls WHERE stored_at < clock_timestamp() - interval '1 day'
     OR (state = 'returned' AND leased_until < clock_timestamp() - interval '1 day');
  DELETE FROM ai_prefix_uses WHERE uses[cardinality(uses)] < clock_timestamp() - interval '1 hour';
$$;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'ai_sweep_leases()', 'ai_calls_to_store(integer)', 'ai_calls_stored(uuid[])', 'ai_tidy()'
  ] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO gatekeeper', name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO relay', name);
  END LOOP;
END
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
