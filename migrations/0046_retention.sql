-- What is over goes: rows that nobody needs any more, most of which name a person.

-- Each index leads the sweep to the oldest rows, whatever else is there.
CREATE INDEX notifications_age ON notifications (created_at);
CREATE INDEX notification_digests_age ON notification_digests (created_at);
CREATE INDEX mails_age ON mails (created_at);
CREATE INDEX invitations_age ON invitations (expires_at);
CREATE INDEX sessions_age ON sessions (expires_at);
CREATE INDEX account_tokens_age ON account_tokens (expires_at);
CREATE INDEX login_attempts_age ON login_attempts (attempted_at);
CREATE INDEX identity_requests_age ON identity_requests (requested_at);
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (created_at);

CALL open_to_gatekeeper('notifications', 'SELECT, DELETE');
CALL open_to_gatekeeper('notification_digests', 'SELECT, DELETE');
CALL open_to_gatekeeper('idempotency_keys', 'SELECT, DELETE');
GRANT DELETE ON sessions TO gatekeeper;
GRANT SELECT, DELETE ON account_tokens, mails, login_attempts, identity_requests TO gatekeeper;

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Deletes what is over, a part of it at a time, and tells how much of each kind.
CREATE FUNCTION forget_what_is_over(most integer) RETURNS TABLE (kind text, forgotten integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  season timestamptz := now_at - interval '90 days';
BEGIN
  kind := 'notifications';
  DELETE FROM notifications n USING (
    SELECT o.workspace_id, o.id FROM notifications o WHERE o.created_at < season
     ORDER BY o.created_at LIMIT most) old
   WHERE n.workspace_id = old.workspace_id AND n.id = old.id;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
  -- A digest is younger than what it tells of, which goes before it.
  kind := 'digests';
  DELETE FROM notification_digests d USING (
    SELECT o.workspace_id, o.user_id, o.period FROM notification_digests o
     WHERE o.created_at < season AND NOT EXISTS (
       SELECT FROM notifications n WHERE n.workspace_id = o.workspace_id
          AND n.user_id = o.user_id AND n.digest_period = o.period)
     ORDER BY o.created_at LIMIT most) old
   WHERE d.workspace_id = old.workspace_id AND d.user_id = old.user_id AND d.period = old.period;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
  kind := 'mails';
  DELETE FROM mails m USING (
    SELECT o.id FROM mails o WHERE o.created_at < season AND o.state NOT IN ('planned', 'sending')
     ORDER BY o.created_at LIMIT most) old WHERE m.id = old.id;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
  -- The log of the workspace keeps who was invited by whom, by ids.
  kind := 'invitations';
  DELETE FROM invitations i USING (
    SELECT o.workspace_id, o.id FROM invitations o WHERE o.expires_at < season
     ORDER BY o.expires_at LIMIT most) old
   WHERE i.workspace_id = old.workspace_id AND i.id = old.id;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
  kind := 'sessions';
  DELETE FROM sessions s USING (
    SELECT o.id FROM sessions o WHERE o.expires_at < season
     ORDER BY o.expires_at LIMIT most) old WHERE s.id = old.id;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
  kind := 'links';
  DELETE FROM account_tokens t USING (
    SELECT o.token_hash FROM account_tokens o WHERE o.expires_at < now_at - interval '1 day'
     ORDER BY o.expires_at LIMIT most) old
   WHERE t.token_hash = old.token_hash;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
  -- For so long a place from which somebody has logged in is familiar.
  kind := 'login_attempts';
  DELETE FROM login_attempts l USING (
    SELECT o.id FROM login_attempts o WHERE o.attempted_at < now_at - interval '30 days'
     ORDER BY o.attempted_at LIMIT most) old WHERE l.id = old.id;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
  -- The longest limit is of an hour.
  kind := 'identity_requests';
  DELETE FROM identity_requests r USING (
    SELECT o.id FROM identity_requests o WHERE o.requested_at < now_at - interval '1 day'
     ORDER BY o.requested_at LIMIT most) old WHERE r.id = old.id;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
  -- Of workspaces that send no request with a key any more; others take away their own.
  kind := 'replies';
  DELETE FROM idempotency_keys k USING (
    SELECT o.workspace_id, o.user_id, o.route, o.key FROM idempotency_keys o
     WHERE o.created_at < now_at - interval '25 hours'
     ORDER BY o.created_at LIMIT most) old
   WHERE k.workspace_id = old.workspace_id AND k.user_id = old.user_id AND k.route = old.route
     AND k.key = old.key;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN NEXT;
END
$$;
ALTER FUNCTION forget_what_is_over OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION forget_what_is_over TO mailer;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;

-- Who has just left keeps no reply: a lock on their membership asks for a right to change it, of
-- which this is the least.
GRANT UPDATE (created_at) ON members TO identity;

-- The language of a person is `users.language`, in every workspace.
ALTER TABLE user_profiles DROP COLUMN language;
