-- Giving people what is theirs, and forgetting them: exports, erasures, and the role that erases.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'eraser') THEN
    CREATE ROLE eraser LOGIN NOINHERIT NOCREATEDB NOCREATEROLE;
  END IF;
END
$$;
GRANT USAGE ON SCHEMA public TO eraser;
GRANT EXECUTE ON FUNCTION fold_text TO eraser;

ALTER TABLE workspaces ADD COLUMN erased_at timestamptz;
-- When whoever uses the session showed who they are. A session in another workspace of the same
-- person goes on with the moment of the one before.
ALTER TABLE sessions ADD COLUMN proven_at timestamptz;
UPDATE sessions SET proven_at = created_at;
ALTER TABLE sessions
  ALTER COLUMN proven_at SET DEFAULT clock_timestamp(),
  ALTER COLUMN proven_at SET NOT NULL;

-- The id stays as a pseudonym of a person who is gone.
ALTER TABLE creators DROP CONSTRAINT creators_driver_consent_by_fkey;
ALTER TABLE invitations DROP CONSTRAINT invitations_invited_by_fkey;

-- An order to forget a fan, or a whole workspace. The row stays when everything else is gone.
CREATE TABLE erasures (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  kind text NOT NULL CHECK (kind IN ('fan', 'workspace')),
  creator_id uuid,
  fan_id uuid,
  state text NOT NULL DEFAULT 'scheduled'
    CHECK (state IN ('scheduled', 'erasing', 'done', 'withdrawn')),
  requested_by uuid NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Until then it may be withdrawn.
  begins_at timestamptz NOT NULL,
  -- {"step": "when it was done"}
  steps jsonb NOT NULL DEFAULT '{}',
  -- Set by the billing feature: nothing will be charged any more.
  billing_ended_at timestamptz,
  -- One run at a time: a run shows the fence that it was given, and the next one gets a higher.
  fence bigint NOT NULL DEFAULT 0,
  leased_until timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  CHECK ((kind = 'fan') = (fan_id IS NOT NULL)),
  CHECK ((kind = 'fan') = (creator_id IS NOT NULL)),
  CHECK (kind = 'workspace' OR state <> 'withdrawn'),
  CHECK ((state = 'done') = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX erasures_workspace ON erasures (workspace_id)
  WHERE kind = 'workspace' AND state <> 'withdrawn';
CREATE INDEX erasures_fan ON erasures (workspace_id, fan_id) WHERE kind = 'fan';
CREATE INDEX erasures_open ON erasures (begins_at) WHERE state IN ('scheduled', 'erasing');

-- Everything of a workspace, or of one fan, as files.
CREATE TABLE exports (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  -- NULL is the whole workspace.
  creator_id uuid,
  fan_id uuid,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'ready', 'failed', 'removed')),
  requested_by uuid NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Where the files that are stored end: {"table": "fans", "after": ["…"], "number": 7}
  checkpoint jsonb,
  fence bigint NOT NULL DEFAULT 0,
  leased_until timestamptz,
  -- Runs since the last file was stored.
  idle_runs integer NOT NULL DEFAULT 0,
  finished_at timestamptz,
  -- Until then the files can be read.
  expires_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  CHECK ((creator_id IS NULL) = (fan_id IS NULL)),
  CHECK ((state = 'running') = (finished_at IS NULL))
);
-- Who asks again while one is being made gets that one.
CREATE UNIQUE INDEX exports_running ON exports (workspace_id, fan_id) NULLS NOT DISTINCT
  WHERE state = 'running';
CREATE INDEX exports_open ON exports (leased_until) WHERE state = 'running';

CREATE TABLE export_files (
  workspace_id uuid NOT NULL,
  export_id uuid NOT NULL,
  number integer NOT NULL CHECK (number > 0),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  lines bigint NOT NULL,
  bytes bigint NOT NULL,
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  PRIMARY KEY (workspace_id, export_id, number),
  FOREIGN KEY (workspace_id, export_id) REFERENCES exports (workspace_id, id) ON DELETE CASCADE
);

-- A tenant's table is the eraser's to read and to empty, unless a later line takes that back.
CREATE OR REPLACE PROCEDURE protect_tenant_table(target regclass, tenant_column name, by_creator name)
LANGUAGE plpgsql
AS $$
DECLARE
  tenant_rule text := format(
    '%I = (SELECT current_setting(''app.workspace_id''))::uuid', tenant_column);
  scope_rule text;
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY tenant ON %s TO app, worker USING (%s) WITH CHECK (%s)',
                 target, tenant_rule, tenant_rule);
  EXECUTE format('CREATE POLICY eraser ON %s TO eraser USING (%s) WITH CHECK (%s)',
                 target, tenant_rule, tenant_rule);
  EXECUTE format('GRANT SELECT, DELETE ON %s TO eraser', target);
  IF by_creator IS NOT NULL THEN
    scope_rule := format(
      '(SELECT current_setting(''app.creator_scope'')) = ''*'' OR %I = ANY'
      ' ((SELECT string_to_array(current_setting(''app.creator_scope''), '',''))::uuid[])',
      by_creator);
    EXECUTE format('CREATE POLICY creator_scope ON %s AS RESTRICTIVE TO app USING (%s) WITH CHECK (%s)',
                   target, scope_rule, scope_rule);
  END IF;
END
$$;

DO $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT p.tablename, p.qual FROM pg_policies p
     WHERE p.schemaname = 'public' AND p.policyname = 'tenant'
  LOOP
    EXECUTE format('CREATE POLICY eraser ON %I TO eraser USING (%s) WITH CHECK (%s)',
                   found.tablename, found.qual, found.qual);
    EXECUTE format('GRANT SELECT, DELETE ON %I TO eraser', found.tablename);
  END LOOP;
END
$$;
CALL protect_tenant_table('erasures', 'workspace_id', 'creator_id');
CALL protect_tenant_table('exports', 'workspace_id', 'creator_id');
CALL protect_tenant_table('export_files', 'workspace_id', NULL);

-- What is kept is nobody's to delete: what was charged, who did what, and that it was erased.
REVOKE DELETE ON workspaces, billing_accounts, subscriptions, invoices, charges, disputes,
  usage_reports, metered_usage, audit_log, audit_heads, erasures FROM eraser;
GRANT UPDATE (name, suppression_key, erased_at) ON workspaces TO eraser;
GRANT UPDATE (hosted_invoice_url, invoice_pdf) ON invoices TO eraser;
GRANT UPDATE (revoked_at) ON sessions TO eraser;
GRANT UPDATE (text, text_hash, evidence, baseline_message_id, platform_message_id) ON sends
  TO app, eraser;
GRANT UPDATE (evidence, baseline_message_id) ON send_attempts TO app, eraser;
GRANT UPDATE (payload, result) ON creator_commands TO eraser;
GRANT UPDATE (state) ON exports TO eraser;
GRANT UPDATE (state, steps, fence, leased_until, finished_at) ON erasures TO eraser;
GRANT INSERT (workspace_id, actor_kind, actor_id, action, target_kind, target_id, facts)
  ON audit_log TO eraser;

GRANT SELECT, INSERT (workspace_id, id, kind, creator_id, fan_id, requested_by, begins_at),
      UPDATE (state) ON erasures TO app;
GRANT SELECT, INSERT, UPDATE ON exports TO app;
GRANT SELECT, INSERT ON export_files TO app;
-- What the export tells of the checks of a workspace's money.
GRANT SELECT ON money_checks, money_drifts TO app;

-- The billing feature cancels what runs at Stripe, and says so.
CREATE POLICY intake ON erasures TO intake
  USING (workspace_id = (SELECT current_setting('app.workspace_id'))::uuid)
  WITH CHECK (workspace_id = (SELECT current_setting('app.workspace_id'))::uuid);
GRANT SELECT (workspace_id, kind, state, billing_ended_at), UPDATE (billing_ended_at)
  ON erasures TO intake;

-- What a send says may be blanked once its fan is erased, and nothing else of it is ever changed.
CREATE OR REPLACE FUNCTION guard_send_state() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT (
    (OLD.state = 'planned' AND NEW.state IN ('submitting', 'skipped', 'cancelled', 'not_sent')) OR
    (OLD.state = 'submitting' AND NEW.state IN ('sent', 'unknown', 'not_sent')) OR
    (OLD.state = 'submitting' AND NEW.state = 'planned' AND NEW.attempt = OLD.attempt + 1) OR
    (OLD.state = 'unknown' AND NEW.state = 'sent') OR
    (OLD.state = 'planned' AND NEW.state = 'sent' AND NEW.evidence ->> 'by' = 'restore'
     AND EXISTS (SELECT FROM lane_restores r
                  WHERE r.workspace_id = NEW.workspace_id AND r.creator_id = NEW.creator_id))
  ) THEN
    RAISE EXCEPTION 'a send cannot go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.price_cents, NEW.media_ids, NEW.variant, NEW.written_by,
      NEW.fan_id, NEW.creator_id, NEW.workspace_id, NEW.campaign_id)
     IS DISTINCT FROM
     (OLD.price_cents, OLD.media_ids, OLD.variant, OLD.written_by,
      OLD.fan_id, OLD.creator_id, OLD.workspace_id, OLD.campaign_id)
     OR ((NEW.text, NEW.text_hash) IS DISTINCT FROM (OLD.text, OLD.text_hash) AND NOT (
       (NEW.text, NEW.text_hash) = ('', '') AND NEW.state NOT IN ('planned', 'submitting')
       AND EXISTS (SELECT FROM fans f WHERE f.workspace_id = NEW.workspace_id
                    AND f.id = NEW.fan_id AND f.erased_at IS NOT NULL))) THEN
    RAISE EXCEPTION 'what a send says and to whom is frozen' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;

-- With its workspace, even what was granted goes.
CREATE OR REPLACE FUNCTION guard_send_deletion() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF OLD.granted_at IS NOT NULL AND current_user <> 'eraser' THEN
    RAISE EXCEPTION 'a send that was granted stays on record' USING ERRCODE = 'check_violation';
  END IF;
  RETURN OLD;
END
$$;

CALL open_to_gatekeeper('erasures', 'SELECT');
CALL open_to_gatekeeper('exports', 'SELECT');
CALL open_to_gatekeeper('invitations', 'DELETE, SELECT');
GRANT DELETE ON members TO gatekeeper;
GRANT SELECT (email), DELETE ON users TO gatekeeper;
GRANT SELECT (address), DELETE ON mails TO gatekeeper;
GRANT SELECT (email), DELETE ON login_attempts TO gatekeeper;
GRANT SELECT (subject), DELETE ON identity_requests TO gatekeeper;

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Nothing is sent for a workspace that is to be erased, whatever starts its lanes.
CREATE FUNCTION hold_lanes_of_the_leaving() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM erasures e WHERE e.workspace_id = NEW.workspace_id
              AND e.kind = 'workspace' AND e.state IN ('scheduled', 'erasing')) THEN
    NEW.status := 'stopped';
    NEW.stop_reason := 'erasure';
    NEW.stopped_at := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$;
ALTER FUNCTION hold_lanes_of_the_leaving OWNER TO gatekeeper;
CREATE TRIGGER creator_lanes_of_the_leaving BEFORE INSERT OR UPDATE OF status ON creator_lanes
  FOR EACH ROW WHEN (NEW.status = 'active') EXECUTE FUNCTION hold_lanes_of_the_leaving();

-- What Stripe tells of an erased workspace later brings no address of a document back.
CREATE FUNCTION forget_documents_of_the_erased() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM workspaces w WHERE w.id = NEW.workspace_id AND w.erased_at IS NOT NULL) THEN
    NEW.hosted_invoice_url := NULL;
    NEW.invoice_pdf := NULL;
  END IF;
  RETURN NEW;
END
$$;
ALTER FUNCTION forget_documents_of_the_erased OWNER TO gatekeeper;
CREATE TRIGGER invoices_of_the_erased BEFORE INSERT OR UPDATE ON invoices
  FOR EACH ROW EXECUTE FUNCTION forget_documents_of_the_erased();

-- Forgets a person who is in no workspace and operates no stage: the account, what was mailed, who
-- tried to log in.
CREATE FUNCTION forget_person(person uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  address_of text;
BEGIN
  SELECT u.email INTO address_of FROM users u
   WHERE u.id = person AND NOT EXISTS (SELECT FROM members m WHERE m.user_id = u.id)
     AND NOT EXISTS (SELECT FROM platform_operators o WHERE o.user_id = u.id);
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM users u WHERE u.id = person;
  -- An address may be claimed by several until one has verified it: theirs stays.
  IF NOT EXISTS (SELECT FROM users u WHERE u.email = address_of) THEN
    DELETE FROM mails m WHERE m.address = address_of;
    DELETE FROM login_attempts l WHERE l.email = address_of;
    DELETE FROM identity_requests r WHERE r.subject = 'mail to ' || address_of;
  END IF;
  RETURN true;
END
$$;
ALTER FUNCTION forget_person OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION forget_person TO app;

-- Takes everybody out of a workspace that is being erased, and forgets who is in no other.
CREATE FUNCTION forget_members(workspace uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  person uuid;
  invited text;
  gone integer := 0;
BEGIN
  IF NOT EXISTS (SELECT FROM erasures e WHERE e.workspace_id = workspace
                  AND e.kind = 'workspace' AND e.state = 'erasing') THEN
    RAISE EXCEPTION 'the workspace is not being erased' USING ERRCODE = 'check_violation';
  END IF;
  FOR invited IN DELETE FROM invitations i WHERE i.workspace_id = workspace RETURNING i.email LOOP
    IF NOT EXISTS (SELECT FROM users u WHERE u.email = invited) THEN
      DELETE FROM mails m WHERE m.address = invited;
    END IF;
  END LOOP;
  FOR person IN DELETE FROM members m WHERE m.workspace_id = workspace RETURNING m.user_id LOOP
    PERFORM forget_person(person);
    gone := gone + 1;
  END LOOP;
  RETURN gone;
END
$$;
ALTER FUNCTION forget_members OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION forget_members TO eraser;

-- Erasures that wait for a run: those whose time has come, and new ones of workspaces, whose
-- creators are disconnected at once.
CREATE FUNCTION erasures_to_resume(most integer)
RETURNS TABLE (workspace_id uuid, erasure_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT e.workspace_id, e.id
    FROM erasures e
   WHERE e.state IN ('scheduled', 'erasing')
     AND (e.begins_at <= clock_timestamp()
          OR (e.kind = 'workspace' AND NOT e.steps ? 'disconnected'))
     AND (e.leased_until IS NULL OR e.leased_until < clock_timestamp())
   ORDER BY e.leased_until NULLS FIRST, e.id
   LIMIT most
$$;
ALTER FUNCTION erasures_to_resume OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION erasures_to_resume TO eraser;

CREATE FUNCTION exports_to_resume(most integer)
RETURNS TABLE (workspace_id uuid, export_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT e.workspace_id, e.id
    FROM exports e
   WHERE e.state = 'running'
     AND coalesce(e.leased_until, e.requested_at + interval '30 seconds') < clock_timestamp()
   ORDER BY e.id
   LIMIT most
$$;
ALTER FUNCTION exports_to_resume OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION exports_to_resume TO app;

CREATE OR REPLACE FUNCTION billing_due()
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
  UNION ALL
  SELECT e.workspace_id, 'end' FROM erasures e
   WHERE e.kind = 'workspace' AND e.state = 'erasing' AND e.billing_ended_at IS NULL
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
