-- Users, workspaces, members, sessions, limits.

CREATE TABLE users (
  id uuid PRIMARY KEY,
  -- Stored lower case; the product treats two spellings of an address as one person.
  email text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) <= 254),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  password_hash text NOT NULL,
  email_verified_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE workspaces (
  id uuid PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  plan text NOT NULL DEFAULT 'trial',
  -- Keys the suppressions of this workspace; destroying it unlinks them from any platform id.
  suppression_key bytea NOT NULL DEFAULT (
    decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
  ),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE members (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  user_id uuid NOT NULL REFERENCES users,
  role text NOT NULL CHECK (role IN ('owner', 'manager', 'chatter', 'analyst')),
  -- NULL is every creator of the workspace.
  creator_scope uuid[],
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, user_id),
  CHECK (role <> 'owner' OR creator_scope IS NULL)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  user_agent text CHECK (length(user_agent) <= 400),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX sessions_user ON sessions (user_id, id) WHERE revoked_at IS NULL;

-- Only the hash is stored. A token that comes back after its successor was used means theft:
-- the whole session is revoked.
CREATE TABLE refresh_tokens (
  token_hash bytea PRIMARY KEY,
  session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
  issued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Written as failed before the password is looked at, so that many tries at once all count.
CREATE TABLE login_attempts (
  id uuid PRIMARY KEY DEFAULT uuid7(),
  email text NOT NULL,
  ip_address inet,
  success boolean NOT NULL,
  attempted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX login_attempts_email ON login_attempts (email, attempted_at DESC);
CREATE INDEX login_attempts_address ON login_attempts (ip_address, attempted_at DESC);

-- Durable request counters: one row per subject and minute, swept by `authorize_request`.
CREATE TABLE request_counters (
  subject text NOT NULL,
  minute timestamptz NOT NULL,
  requests integer NOT NULL,
  PRIMARY KEY (subject, minute)
);

CALL protect_tenant_table('workspaces', 'id', NULL);
CALL protect_tenant_table('members', 'workspace_id', NULL);
CALL protect_tenant_table('sessions', 'workspace_id', NULL);
GRANT SELECT, UPDATE (name) ON workspaces TO app;
GRANT SELECT ON workspaces TO worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON members TO app;
GRANT SELECT, UPDATE (revoked_at) ON sessions TO app;

-- `identity` is the auth feature: it knows people before it knows a workspace.
GRANT SELECT, INSERT, UPDATE ON users, sessions, refresh_tokens TO identity;
GRANT SELECT, INSERT ON workspaces, members, login_attempts TO identity;
GRANT UPDATE (success), DELETE ON login_attempts TO identity;
GRANT DELETE ON refresh_tokens TO identity;
CREATE POLICY identity ON workspaces TO identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON members TO identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON sessions TO identity USING (true) WITH CHECK (true);
-- Names of fellow members, never their hashes.
GRANT SELECT (id, email, name) ON users TO app;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY identity ON users TO identity USING (true) WITH CHECK (true);
CREATE POLICY fellow_members ON users FOR SELECT TO app USING (
  EXISTS (SELECT FROM members m WHERE m.user_id = users.id)
);

CALL open_to_gatekeeper('sessions', 'SELECT, UPDATE (last_used_at)');
CALL open_to_gatekeeper('members', 'SELECT');
CALL open_to_gatekeeper('workspaces', 'SELECT');
GRANT SELECT, INSERT, UPDATE, DELETE ON request_counters TO gatekeeper;

-- One round trip for every request: is the session alive, who is it, is it within its limits.
CREATE FUNCTION authorize_request(session uuid, per_principal integer, per_workspace integer)
RETURNS TABLE (
  user_id uuid, workspace_id uuid, role text, creator_scope uuid[], plan text, retry_after integer
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  this_minute timestamptz := date_trunc('minute', now_at);
  principal_count integer;
  workspace_count integer;
BEGIN
  SELECT m.user_id, m.workspace_id, m.role, m.creator_scope, w.plan
    INTO user_id, workspace_id, role, creator_scope, plan
    FROM sessions s
    JOIN members m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
    JOIN workspaces w ON w.id = s.workspace_id
   WHERE s.id = session AND s.revoked_at IS NULL AND s.expires_at > now_at;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- Always the same order of the two rows, so that two requests cannot deadlock.
  INSERT INTO request_counters AS c VALUES ('u:' || user_id, this_minute, 1)
    ON CONFLICT (subject, minute) DO UPDATE SET requests = c.requests + 1
    RETURNING requests INTO principal_count;
  INSERT INTO request_counters AS c VALUES ('w:' || workspace_id, this_minute, 1)
    ON CONFLICT (subject, minute) DO UPDATE SET requests = c.requests + 1
    RETURNING requests INTO workspace_count;
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
