-- Invitations: who may join a workspace, in which place.

CREATE TABLE invitations (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  email text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
  role text NOT NULL CHECK (role IN ('owner', 'manager', 'chatter', 'analyst')),
  -- NULL is every creator of the workspace.
  creator_scope uuid[],
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'withdrawn')),
  -- Of the link in the last mail; the link itself is in the mail and nowhere else. NULL until it is
  -- sent, and again from the moment when another mail is asked for.
  token_hash bytea CHECK (length(token_hash) = 32),
  mails integer NOT NULL DEFAULT 1,
  mailed_at timestamptz NOT NULL,
  invited_by uuid NOT NULL REFERENCES users,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  settled_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  CHECK (role <> 'owner' OR creator_scope IS NULL),
  CHECK ((state = 'open') = (settled_at IS NULL))
);
CREATE UNIQUE INDEX invitations_open ON invitations (workspace_id, email) WHERE state = 'open';
-- 256 random bits: no two rows have the same, and nobody can ask for another's.
CREATE INDEX invitations_token ON invitations (token_hash) WHERE state = 'open';
CREATE INDEX invitations_inviter ON invitations (workspace_id, invited_by) WHERE state = 'open';

CALL protect_tenant_table('invitations', 'workspace_id', NULL);
GRANT SELECT (workspace_id, id, email, role, creator_scope, state, mails, mailed_at, invited_by,
              created_at, expires_at, settled_at),
      INSERT (workspace_id, id, email, role, creator_scope, mailed_at, invited_by, expires_at),
      UPDATE (role, creator_scope, state, token_hash, mails, mailed_at, invited_by, expires_at,
              settled_at)
  ON invitations TO app;
GRANT INSERT (id, template, user_id, address, parameters) ON mails TO app;

-- The sender makes the link and stores its hash.
GRANT SELECT (id, state, expires_at), UPDATE (token_hash) ON invitations TO mailer;
CREATE POLICY mailer ON invitations TO mailer USING (true) WITH CHECK (true);

-- Who brings the link becomes a member, which the log of the workspace tells.
GRANT SELECT, UPDATE (state, settled_at) ON invitations TO identity;
CREATE POLICY identity ON invitations TO identity USING (true) WITH CHECK (true);
GRANT INSERT (workspace_id, actor_kind, actor_id, action, target_kind, target_id, facts)
  ON audit_log TO identity;
CREATE POLICY identity ON audit_log FOR INSERT TO identity
  WITH CHECK (workspace_id = current_setting('app.workspace_id')::uuid);
