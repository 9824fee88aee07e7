-- Operators of the platform: a role above all workspaces, which no workspace can give.

-- Gives and takes the role for whoever may invoke one function of the stage; nothing else.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'operations') THEN
    CREATE ROLE operations LOGIN NOINHERIT NOCREATEDB NOCREATEROLE;
  END IF;
END
$$;
GRANT USAGE ON SCHEMA public TO operations;

CREATE TABLE platform_operators (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  granted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- What was given and taken, by whom and why. Rows are added and never changed, and outlive accounts.
CREATE TABLE operator_changes (
  id uuid PRIMARY KEY DEFAULT uuid7(),
  user_id uuid NOT NULL,
  action text NOT NULL CHECK (action IN ('granted', 'revoked')),
  changed_by text NOT NULL CHECK (length(changed_by) BETWEEN 1 AND 200),
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX operator_changes_user ON operator_changes (user_id, id DESC);
DO $$
DECLARE
  target regclass;
BEGIN
  FOREACH target IN ARRAY ARRAY['platform_operators', 'operator_changes']::regclass[] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  END LOOP;
  CALL open_to_gatekeeper('platform_operators', 'SELECT, INSERT, DELETE');
  CALL open_to_gatekeeper('operator_changes', 'SELECT, INSERT');
END
$$;
GRANT SELECT (email) ON users TO gatekeeper;

-- Who logs in may be an operator without being in any workspace.
GRANT SELECT (user_id) ON platform_operators TO identity;
CREATE POLICY identity ON platform_operators FOR SELECT TO identity USING (true);
ALTER TABLE sessions ALTER COLUMN workspace_id DROP NOT NULL;
ALTER TABLE sessions ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Answers what was done: granted, revoked, unchanged; or unknown, when nobody has shown that the
-- address is theirs.
CREATE FUNCTION set_platform_operator(address text, granted boolean, by_whom text, why text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  person uuid;
BEGIN
  SELECT id INTO person FROM users WHERE email = lower(address) AND email_verified_at IS NOT NULL;
  IF NOT FOUND THEN
    RETURN 'unknown';
  END IF;
  IF granted THEN
    INSERT INTO platform_operators (user_id) VALUES (person) ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM platform_operators WHERE user_id = person;
  END IF;
  IF NOT FOUND THEN
    RETURN 'unchanged';
  END IF;
  INSERT INTO operator_changes (user_id, action, changed_by, reason)
  VALUES (person, CASE WHEN granted THEN 'granted' ELSE 'revoked' END, by_whom, why);
  RETURN CASE WHEN granted THEN 'granted' ELSE 'revoked' END;
END
$$;
ALTER FUNCTION set_platform_operator OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION set_platform_operator TO operations;

CREATE FUNCTION list_platform_operators()
RETURNS TABLE (email text, granted_at timestamptz, granted_by text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT u.email, o.granted_at, c.changed_by, c.reason
    FROM platform_operators o
    JOIN users u ON u.id = o.user_id
    CROSS JOIN LATERAL (
      SELECT changed_by, reason FROM operator_changes
       WHERE user_id = o.user_id AND action = 'granted' ORDER BY id DESC LIMIT 1) c
   ORDER BY o.granted_at, o.user_id
$$;
ALTER FUNCTION list_platform_operators OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION list_platform_operators TO operations;

-- As before, and whether the caller is an operator. The session of an operator who is in no
-- workspace names none; it is over once they are no operator.
DROP FUNCTION authorize_request(uuid, integer, integer);
CREATE FUNCTION authorize_request(session uuid, per_principal integer, per_workspace integer)
RETURNS TABLE (
  user_id uuid, workspace_id uuid, role text, creator_scope uuid[], plan text,
  email_verified boolean, operator boolean, csrf_token text, retry_after integer
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  this_minute timestamptz := date_trunc('minute', now_at);
  principal_count integer;
  workspace_count integer;
BEGIN
  SELECT u.id, m.workspace_id, m.role, m.creator_scope, w.plan,
         u.email_verified_at IS NOT NULL, o.user_id IS NOT NULL, s.csrf_token
    INTO user_id, workspace_id, role, creator_scope, plan, email_verified, operator, csrf_token
    FROM sessions s
    JOIN users u ON u.id = s.user_id
    LEFT JOIN members m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
    LEFT JOIN workspaces w ON w.id = m.workspace_id
    LEFT JOIN platform_operators o ON o.user_id = u.id AND u.email_verified_at IS NOT NULL
   WHERE s.id = session AND s.revoked_at IS NULL AND s.expires_at > now_at
     AND (m.user_id IS NOT NULL OR s.workspace_id IS NULL AND o.user_id IS NOT NULL);
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- Always the same order of the two rows, so that two requests cannot deadlock.
  INSERT INTO request_counters AS c VALUES ('u:' || user_id, this_minute, 1)
    ON CONFLICT (subject, minute) DO UPDATE SET requests = c.requests + 1
    RETURNING requests INTO principal_count;
  IF workspace_id IS NOT NULL THEN
    INSERT INTO request_counters AS c VALUES ('w:' || workspace_id, this_minute, 1)
      ON CONFLICT (subject, minute) DO UPDATE SET requests = c.requests + 1
      RETURNING requests INTO workspace_count;
  END IF;
  IF principal_count = 1 THEN
    -- Whoever still counts in the minute before holds its row: waiting for them could deadlock.
    DELETE FROM request_counters c
     USING (SELECT o.subject, o.minute FROM request_counters o
             WHERE o.subject IN ('u:' || user_id, 'w:' || workspace_id) AND o.minute < this_minute
               FOR UPDATE SKIP LOCKED) old
     WHERE c.subject = old.subject AND c.minute = old.minute;
    UPDATE sessions SET last_used_at = now_at WHERE id = session;
  END IF;
  retry_after := CASE
    WHEN principal_count > per_principal OR workspace_count > per_workspace
    THEN ceil(extract(epoch FROM this_minute + interval '1 minute' - now_at))::integer
  END;
  RETURN NEXT;
END
$$;
ALTER FUNCTION authorize_request OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION authorize_request TO authorizer;

-- What waits, by what it waits for, and for how long the oldest has. These rows are the queues:
-- messages of SQS are wake-ups, and are made anew when one is lost.
CREATE FUNCTION waiting_work()
RETURNS TABLE (kind text, waiting bigint, oldest interval)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT kind, count(since), clock_timestamp() - min(since)
    FROM (VALUES ('events'), ('mails'), ('webhooks'), ('imports'), ('orders')) kinds (kind)
    LEFT JOIN (
      SELECT 'events', created_at FROM events_outbox WHERE published_at IS NULL
      UNION ALL
      SELECT 'mails', created_at FROM mails WHERE state IN ('planned', 'sending')
      UNION ALL
      SELECT 'webhooks', received_at FROM stripe_events WHERE processed_at IS NULL
      UNION ALL
      SELECT 'imports', created_at FROM imports WHERE status = 'running'
      UNION ALL
      SELECT 'orders', due_at FROM creator_commands
       WHERE state IN ('waiting', 'running') AND due_at <= clock_timestamp()
    ) work (kind, since) USING (kind)
   GROUP BY kind
   ORDER BY kind
$$;
GRANT SELECT (state, created_at) ON mails TO gatekeeper;
GRANT SELECT (processed_at, received_at) ON stripe_events TO gatekeeper;
ALTER FUNCTION waiting_work OWNER TO gatekeeper;
-- `auditor` reads figures of all workspaces and none of their rows.
GRANT EXECUTE ON FUNCTION waiting_work, lane_figures, lanes_held_by_restore TO auditor;
GRANT SELECT (name) ON schema_migrations TO auditor;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
