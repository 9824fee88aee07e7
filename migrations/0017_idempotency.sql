-- Replies to requests that came with an Idempotency-Key: written in the transaction of the effect,
-- so that neither exists without the other.

CREATE TABLE idempotency_keys (
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  -- Method and path: the same key on another route is another key.
  route text NOT NULL CHECK (length(route) <= 2100),
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  -- SHA-256 of the query and the body: the same key must mean the same request.
  request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
  -- What the function answered, as JSON text; NULL once it was erased with the person it spoke of.
  reply text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, user_id, route, key),
  FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (workspace_id, created_at);

CALL protect_tenant_table('idempotency_keys', 'workspace_id', NULL);
GRANT SELECT, INSERT, DELETE, UPDATE (reply) ON idempotency_keys TO app;
-- The auth feature ends sessions of a member whom the authorizer has let in.
GRANT SELECT, INSERT, DELETE, UPDATE (reply) ON idempotency_keys TO identity;
CREATE POLICY identity ON idempotency_keys TO identity
  USING (workspace_id = (SELECT current_setting('app.workspace_id'))::uuid)
  WITH CHECK (workspace_id = (SELECT current_setting('app.workspace_id'))::uuid);
