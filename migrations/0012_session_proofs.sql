-- What a session proves beside its token: the page's own CSRF token, and whether the address of
-- the person is verified. Unverified people share an address until one of them proves it.

-- Random for each session, so that whoever checks it needs no key.
ALTER TABLE sessions ADD COLUMN csrf_token text NOT NULL DEFAULT (
  replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
) CHECK (length(csrf_token) BETWEEN 32 AND 100);

-- Needed once for each ALTER FUNCTION … OWNER TO gatekeeper.
GRANT CREATE ON SCHEMA public TO gatekeeper;
DROP FUNCTION authorize_request(uuid, integer, integer);
CREATE FUNCTION authorize_request(session uuid, per_principal integer, per_workspace integer)
RETURNS TABLE (
  user_id uuid, workspace_id uuid, role text, creator_scope uuid[], plan text,
  email_verified boolean, csrf_token text, retry_after integer
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  this_minute timestamptz := date_trunc('minute', now_at);
  principal_count integer;
  workspace_count integer;
BEGIN
  SELECT m.user_id, m.workspace_id, m.role, m.creator_scope, w.plan,
         u.email_verified_at IS NOT NULL, s.csrf_token
    INTO user_id, workspace_id, role, creator_scope, plan, email_verified, csrf_token
    FROM sessions s
    JOIN members m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
    JOIN users u ON u.id = s.user_id
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
REVOKE CREATE ON SCHEMA public FROM gatekeeper;

-- Whether an address is verified, and nothing else of a person.
GRANT SELECT (id, email_verified_at) ON users TO gatekeeper;
CREATE POLICY gatekeeper ON users TO gatekeeper USING (true) WITH CHECK (false);
