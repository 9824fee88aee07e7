-- Payments are looked at without an event, too, and the end of a trial is told.

-- When Stripe was last asked about an account; an attempt counts, so that one whose looks fail
-- holds up no other's. An account that is new knows all there is.
ALTER TABLE billing_accounts ADD COLUMN looked_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX billing_accounts_looked ON billing_accounts (looked_at);
GRANT UPDATE (looked_at) ON billing_accounts TO intake;
-- A restored database has forgotten the customers that were made after its moment.
GRANT INSERT (workspace_id, stripe_customer_id, looked_at) ON billing_accounts TO intake;
GRANT UPDATE (looked_at) ON billing_accounts TO gatekeeper;

-- NULL: nobody was told that the trial ends.
ALTER TABLE workspaces ADD COLUMN trial_end_told_at timestamptz;
CREATE INDEX workspaces_trials ON workspaces (trial_ends_at)
  WHERE plan = 'trial' AND trial_end_told_at IS NULL;
GRANT SELECT (trial_end_told_at), UPDATE (trial_end_told_at) ON workspaces TO intake;

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Since when a workspace's use is billed: its first subscription that began and was no trial, from
-- the end of its trial on. NULL: it is not.
CREATE FUNCTION use_billed_since(workspace uuid) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT min(greatest(s.created_at, s.trial_ends_at)) FROM subscriptions s
   WHERE s.workspace_id = workspace
     AND s.status NOT IN ('incomplete', 'incomplete_expired', 'trialing')
$$;
ALTER FUNCTION use_billed_since OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION use_billed_since TO intake;

CREATE OR REPLACE FUNCTION billing_due()
RETURNS TABLE (workspace_id uuid, due text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT w.id, 'plan' FROM workspaces w
   WHERE w.plan <> 'free' AND w.plan_until <= statement_timestamp()
  UNION ALL
  SELECT a.workspace_id, 'usage' FROM billing_accounts a
   WHERE (SELECT max(m.used_at) FROM metered_usage m
           WHERE m.workspace_id = a.workspace_id AND m.report_id IS NULL)
         >= use_billed_since(a.workspace_id)
      OR EXISTS (SELECT FROM usage_reports r
                  WHERE r.workspace_id = a.workspace_id AND r.sent_at IS NULL)
  UNION ALL
  SELECT e.workspace_id, 'end' FROM erasures e
   WHERE e.kind = 'workspace' AND e.state = 'erasing' AND e.billing_ended_at IS NULL
  UNION ALL
  -- As early as Stripe tells of the end of its own trials.
  SELECT w.id, 'trial' FROM workspaces w
   WHERE w.plan = 'trial' AND w.trial_end_told_at IS NULL
     AND w.trial_ends_at > statement_timestamp()
     AND w.trial_ends_at <= statement_timestamp() + interval '3 days'
     AND NOT EXISTS (
       SELECT FROM erasures e WHERE e.workspace_id = w.id AND e.kind = 'workspace'
          AND e.state IN ('scheduled', 'erasing', 'done'))
  UNION ALL
  -- So many in a sweep of a quarter of an hour are 19 200 a day; Stripe is asked thrice for each.
  (SELECT a.workspace_id, 'look' FROM billing_accounts a
    WHERE a.looked_at <= statement_timestamp() - interval '1 day'
    ORDER BY a.looked_at LIMIT 200)
$$;

-- After a restore nothing that was seen before counts as a look.
CREATE FUNCTION look_at_payments_again() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  WITH due AS (UPDATE billing_accounts SET looked_at = '-infinity' RETURNING 1)
  SELECT count(*) FROM due
$$;
ALTER FUNCTION look_at_payments_again OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION look_at_payments_again TO intake;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
