-- The books of models, in fewer steps: each step is time that somebody waits for a model.

-- Records a use that is billed, once under its source; answers whether it was new. Nothing is
-- recorded for zero.
CREATE FUNCTION record_use(workspace uuid, of_meter text, source uuid, amount bigint)
RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
  IF coalesce(amount, 0) <= 0 THEN
    RETURN false;
  END IF;
  INSERT INTO metered_usage (workspace_id, meter, source_id, quantity)
  VALUES (workspace, of_meter, source, amount) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END
$$;
GRANT EXECUTE ON FUNCTION record_use TO app, worker;

-- As before, with one look at everything that decides. That look is taken once it is this reserve's
-- turn: what a statement sees is as old as its beginning, so that without the turn many would see
-- the same room.
CREATE OR REPLACE FUNCTION ai_reserve(
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
  books record;
BEGIN
  PERFORM ai_open(workspace, opening);
  PERFORM ai_wait_for_turn(workspace);
  at := clock_timestamp();
  today := (at AT TIME ZONE 'UTC')::date;
  this_month := usage_month(at);
  PERFORM FROM ai_calls
    WHERE workspace_id = workspace AND state = 'reserved' AND leased_until <= at LIMIT 1;
  IF FOUND THEN
    PERFORM ai_return_expired(workspace);
  END IF;
  SELECT CASE WHEN w.plan_until IS NULL OR w.plan_until > at THEN w.plan ELSE 'free' END AS plan,
         coalesce(b.over_budget, 'degrade') AS over_budget,
         b.monthly_cents * cent AS own_month, b.daily_cents * cent AS own_day,
         m.spent_nanos + m.reserved_nanos AS month_taken,
         d.spent_nanos + d.reserved_nanos AS day_taken
    INTO books
    FROM workspaces w
    LEFT JOIN ai_budgets b ON b.workspace_id = w.id
    LEFT JOIN ai_spending m
      ON m.workspace_id = w.id AND m.period = 'month' AND m.starts_on = this_month
    LEFT JOIN ai_spending d
      ON d.workspace_id = w.id AND d.period = 'day' AND d.starts_on = today
   WHERE w.id = workspace;
  in_force := books.plan;
  over_budget := books.over_budget;
  IF books.month_taken IS NULL OR books.day_taken IS NULL THEN
    INSERT INTO ai_spending (workspace_id, period, starts_on)
    VALUES (workspace, 'month', this_month), (workspace, 'day', today) ON CONFLICT DO NOTHING;
  END IF;
  -- A limit that is NULL is none: no comparison with it is true.
  IF coalesce(books.month_taken, 0) + nanos
     > least((caps->>CASE WHEN caps ? in_force THEN in_force ELSE 'free' END)::bigint,
             books.own_month) THEN
    granted := false;
    resets_at := (this_month + interval '1 month') AT TIME ZONE 'UTC';
    RETURN;
  END IF;
  IF coalesce(books.day_taken, 0) + nanos > books.own_day THEN
    granted := false;
    resets_at := (today + interval '1 day') AT TIME ZONE 'UTC';
    RETURN;
  END IF;
  granted := true;
  UPDATE ai_spending SET reserved_nanos = reserved_nanos + nanos
   WHERE workspace_id = workspace AND (period, starts_on) IN (('month', this_month), ('day', today));
  INSERT INTO ai_calls (workspace_id, id, generation_id, provider, model, reserved_nanos,
                        reserved_at, leased_until)
  VALUES (workspace, call, (opening->>'id')::uuid, of_provider, of_model, nanos, at, at + lease);
  IF used_prefix IS NOT NULL THEN
    -- The first key that has room, or the next one.
    INSERT INTO ai_prefix_uses AS p (workspace_id, prefix, shard, uses)
    SELECT workspace, used_prefix,
           coalesce(
             min(u.shard) FILTER (WHERE cardinality(u.uses) < most_uses
                                     OR u.uses[1] <= at - window_length),
             max(u.shard) + 1, 0),
           ARRAY[at]
      FROM ai_prefix_uses u WHERE u.workspace_id = workspace AND u.prefix = used_prefix
        ON CONFLICT ON CONSTRAINT ai_prefix_uses_pkey DO UPDATE
       SET uses = (p.uses || at)[greatest(1, cardinality(p.uses) + 2 - most_uses):]
    RETURNING p.shard INTO shard;
  END IF;
END
$$;

-- As before, and the bill with it.
CREATE OR REPLACE FUNCTION ai_settle(
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
  WITH changed AS (
    UPDATE ai_spending
       SET reserved_nanos = reserved_nanos - held, spent_nanos = spent_nanos + nanos,
           billed_nanos = billed_nanos + billed
     WHERE workspace_id = workspace
       AND (period, starts_on) IN (('month', usage_month(before.reserved_at)),
                                   ('day', (before.reserved_at AT TIME ZONE 'UTC')::date))
    RETURNING period, billed_nanos)
  SELECT billed_nanos / 1000 - (billed_nanos - billed) / 1000 INTO micros
    FROM changed WHERE period = 'month';
  PERFORM record_use(workspace, 'huntaze_ai_cost_microusd', call, micros);
END
$$;
