-- Plans, what Stripe says of a workspace, the events it sends, messages and AI use that count.

-- `plan` is written by the billing feature alone. Past `plan_until` it counts as the free plan: a
-- trial that is over, a payment that failed and whose grace has passed.
ALTER TABLE workspaces
  ADD COLUMN trial_ends_at timestamptz NOT NULL DEFAULT now() + interval '14 days',
  ADD COLUMN plan_until timestamptz DEFAULT now() + interval '14 days';

-- A workspace's customer at Stripe. Each look at Stripe takes a ticket first; what it finds replaces
-- only what was found with a lower one.
CREATE TABLE billing_accounts (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces,
  stripe_customer_id text NOT NULL,
  tickets bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (workspace_id, stripe_customer_id)
);
CREATE INDEX billing_accounts_customer ON billing_accounts (stripe_customer_id);

CREATE TABLE subscriptions (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id text NOT NULL,
  ticket bigint NOT NULL,
  status text NOT NULL,
  -- NULL: a price that stands for none of our plans.
  plan text,
  billing_interval text,
  current_period_start timestamptz,
  current_period_end timestamptz,
  trial_ends_at timestamptz,
  cancel_at_period_end boolean NOT NULL,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  past_due_since timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE invoices (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id text NOT NULL,
  ticket bigint NOT NULL,
  subscription_id text,
  number text,
  status text NOT NULL,
  currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  amount_due_cents bigint NOT NULL,
  amount_paid_cents bigint NOT NULL,
  attempts integer NOT NULL,
  next_attempt_at timestamptz,
  period_start timestamptz,
  period_end timestamptz,
  hosted_invoice_url text,
  invoice_pdf text,
  -- What paid it; refunds find their invoice through these.
  payment_intents text[] NOT NULL DEFAULT '{}',
  paid_at timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX invoices_newest ON invoices (workspace_id, created_at DESC, id DESC);

CREATE TABLE charges (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id text NOT NULL,
  ticket bigint NOT NULL,
  payment_intent text,
  currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  amount_cents bigint NOT NULL,
  refunded_cents bigint NOT NULL CHECK (refunded_cents BETWEEN 0 AND amount_cents),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX charges_refunded ON charges (workspace_id, payment_intent) WHERE refunded_cents > 0;

CREATE TABLE disputes (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id text NOT NULL,
  ticket bigint NOT NULL,
  charge_id text NOT NULL,
  status text NOT NULL,
  reason text NOT NULL,
  currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  amount_cents bigint NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

-- What Stripe sent: ids only, because an event is a hint to look at Stripe. Of no workspace: whose
-- it is turns out when it is worked on.
CREATE TABLE stripe_events (
  id text PRIMARY KEY,
  type text NOT NULL,
  object_id text NOT NULL,
  customer_id text,
  charge_id text,
  livemode boolean NOT NULL,
  created_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  processed_at timestamptz,
  outcome text CHECK (outcome IN ('applied', 'unknown_customer', 'not_ours'))
);
CREATE INDEX stripe_events_waiting ON stripe_events (received_at) WHERE processed_at IS NULL;

-- Messages of a calendar month (UTC): rows of the ledger that were queued in it and were not left
-- out, called off, or proven not sent.
CREATE TABLE message_usage (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  month date NOT NULL,
  messages bigint NOT NULL,
  PRIMARY KEY (workspace_id, month)
);

-- What is billed by use, from the first subscription on: a trial is free. Each use is recorded once under its source; a report sums up some of them
-- and is told to Stripe under its own id, however often it is tried.
CREATE TABLE usage_reports (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL,
  meter text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  sent_at timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX usage_reports_waiting ON usage_reports (workspace_id, id) WHERE sent_at IS NULL;

CREATE TABLE metered_usage (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  source_id uuid NOT NULL,
  meter text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  report_id uuid,
  PRIMARY KEY (workspace_id, meter, source_id)
);
CREATE INDEX metered_usage_waiting ON metered_usage (workspace_id, meter) WHERE report_id IS NULL;

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    'billing_accounts', 'subscriptions', 'invoices', 'charges', 'disputes', 'message_usage',
    'usage_reports', 'metered_usage'
  ] LOOP
    CALL protect_tenant_table(target, 'workspace_id', NULL);
  END LOOP;
  -- What Stripe says is written by `intake`, within one workspace at a time.
  FOREACH target IN ARRAY ARRAY[
    'billing_accounts', 'subscriptions', 'invoices', 'charges', 'disputes', 'usage_reports',
    'metered_usage', 'events_outbox'
  ] LOOP
    EXECUTE format(
      'CREATE POLICY intake ON %I TO intake'
      ' USING (workspace_id = (SELECT current_setting(''app.workspace_id''))::uuid)'
      ' WITH CHECK (workspace_id = (SELECT current_setting(''app.workspace_id''))::uuid)', target);
  END LOOP;
END
$$;
CREATE POLICY intake ON workspaces TO intake
  USING (id = (SELECT current_setting('app.workspace_id'))::uuid)
  WITH CHECK (id = (SELECT current_setting('app.workspace_id'))::uuid);

GRANT SELECT, INSERT ON billing_accounts TO app;
GRANT SELECT ON subscriptions, invoices, charges, disputes, message_usage, usage_reports TO app;
GRANT SELECT, INSERT ON metered_usage TO app, worker;

GRANT SELECT (id, plan, plan_until, trial_ends_at), UPDATE (plan, plan_until) ON workspaces TO intake;
GRANT SELECT, UPDATE (tickets) ON billing_accounts TO intake;
GRANT SELECT, INSERT, UPDATE ON subscriptions, invoices, charges, disputes TO intake;
GRANT SELECT, INSERT, UPDATE (processed_at, outcome) ON stripe_events TO intake;
GRANT SELECT, INSERT, UPDATE (sent_at) ON usage_reports TO intake;
GRANT SELECT, UPDATE (report_id) ON metered_usage TO intake;
GRANT SELECT, INSERT ON events_outbox TO intake;

CALL open_to_gatekeeper('billing_accounts', 'SELECT');
CALL open_to_gatekeeper('message_usage', 'SELECT, INSERT, UPDATE');
CALL open_to_gatekeeper('metered_usage', 'SELECT');
CALL open_to_gatekeeper('usage_reports', 'SELECT');
CALL open_to_gatekeeper('subscriptions', 'SELECT');
CALL open_to_gatekeeper('creators', 'SELECT');

GRANT CREATE ON SCHEMA public TO gatekeeper;

CREATE FUNCTION usage_month(at timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date $$;
GRANT EXECUTE ON FUNCTION usage_month TO app, worker, gatekeeper;

-- Once for each statement: a plan of a campaign adds its rows to the month at once.
CREATE FUNCTION count_messages() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  counts CONSTANT text[] := ARRAY['planned', 'submitting', 'sent', 'unknown'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO message_usage AS u (workspace_id, month, messages)
    SELECT workspace_id, usage_month(created_at), count(*) FROM new_rows
     WHERE state = ANY (counts) GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (workspace_id, month) DO UPDATE SET messages = u.messages + excluded.messages;
  ELSIF TG_OP = 'UPDATE' THEN
    UPDATE message_usage u SET messages = u.messages + d.change
      FROM (SELECT workspace_id, usage_month(created_at) AS month, sum(one) AS change
              FROM (SELECT workspace_id, created_at, 1 AS one FROM new_rows WHERE state = ANY (counts)
                     UNION ALL
                    SELECT workspace_id, created_at, -1 FROM old_rows WHERE state = ANY (counts)) rows
             GROUP BY 1, 2 HAVING sum(one) <> 0) d
     WHERE u.workspace_id = d.workspace_id AND u.month = d.month;
  ELSE
    UPDATE message_usage u SET messages = u.messages - d.gone
      FROM (SELECT workspace_id, usage_month(created_at) AS month, count(*) AS gone FROM old_rows
             WHERE state = ANY (counts) GROUP BY 1, 2) d
     WHERE u.workspace_id = d.workspace_id AND u.month = d.month;
  END IF;
  RETURN NULL;
END
$$;
ALTER FUNCTION count_messages OWNER TO gatekeeper;
CREATE TRIGGER count_messages_planned AFTER INSERT ON sends
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
CREATE TRIGGER count_messages_settled AFTER UPDATE ON sends
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
CREATE TRIGGER count_messages_discarded AFTER DELETE ON sends
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();

-- The how-manieth creator of the workspace one is; also for a member who sees some only.
CREATE FUNCTION creator_place(creator uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT count(*) FROM creators c
   WHERE c.workspace_id = current_setting('app.workspace_id')::uuid AND c.id <= creator
$$;
ALTER FUNCTION creator_place OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION creator_place TO app, worker;

CREATE FUNCTION workspace_of_stripe_customer(customer text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT workspace_id FROM billing_accounts WHERE stripe_customer_id = customer
$$;
ALTER FUNCTION workspace_of_stripe_customer OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION workspace_of_stripe_customer TO intake;

-- Workspaces whose plan has run out but is still written down, and those with use to report; the
-- sweep then works in each one's own workspace.
CREATE FUNCTION billing_due()
RETURNS TABLE (workspace_id uuid, due text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT w.id, 'plan' FROM workspaces w
   WHERE w.plan <> 'free' AND w.plan_until <= clock_timestamp()
  UNION ALL
  SELECT a.workspace_id, 'usage' FROM billing_accounts a
   WHERE EXISTS (SELECT FROM metered_usage m
                  WHERE m.workspace_id = a.workspace_id AND m.report_id IS NULL
                    AND m.used_at >= (SELECT min(s.created_at) FROM subscriptions s
                                       WHERE s.workspace_id = a.workspace_id))
      OR EXISTS (SELECT FROM usage_reports r
                  WHERE r.workspace_id = a.workspace_id AND r.sent_at IS NULL)
$$;
ALTER FUNCTION billing_due OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION billing_due TO intake;
CREATE INDEX workspaces_plan_until ON workspaces (plan_until) WHERE plan <> 'free';

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
