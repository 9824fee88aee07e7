-- What clients are told while it happens: a journal of a day, in one order for each workspace.

-- Who adds holds this row until the commit: positions become visible in their order, without gaps.
CREATE TABLE live_heads (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces,
  position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
  -- Of the event at that position; NULL before the first.
  event_id uuid,
  CHECK ((position = 0) = (event_id IS NULL))
);

CREATE TABLE live_events (
  workspace_id uuid NOT NULL REFERENCES live_heads ON DELETE CASCADE,
  position bigint NOT NULL CHECK (position > 0),
  -- Of the outbox.
  event_id uuid NOT NULL,
  type text NOT NULL CHECK (length(type) BETWEEN 1 AND 60),
  -- NULL is of no single creator.
  creator_id uuid,
  -- NULL is for everybody who may see the rest.
  user_id uuid,
  -- Ids alone; what they are of is read where it is kept.
  data jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
  occurred_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, position),
  -- However often an event comes.
  UNIQUE (workspace_id, event_id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX live_events_creator ON live_events (workspace_id, creator_id);
CREATE INDEX live_events_member ON live_events (workspace_id, user_id);
CREATE INDEX live_events_age ON live_events (created_at);

DO $$
DECLARE
  own text :=
    'user_id IS NULL OR (SELECT current_setting(''app.member'', true)) IN (''*'', user_id::text)';
  of_creator text :=
    'creator_id IS NULL OR (SELECT current_setting(''app.creator_scope'')) = ''*'' OR creator_id ='
    ' ANY ((SELECT string_to_array(current_setting(''app.creator_scope''), '',''))::uuid[])';
BEGIN
  CALL protect_tenant_table('live_heads', 'workspace_id', NULL);
  CALL protect_tenant_table('live_events', 'workspace_id', NULL);
  EXECUTE format('CREATE POLICY member_scope ON live_events AS RESTRICTIVE TO app USING (%s)'
                 ' WITH CHECK (%s)', own, own);
  EXECUTE format('CREATE POLICY creator_scope ON live_events AS RESTRICTIVE TO app USING (%s)'
                 ' WITH CHECK (%s)', of_creator, of_creator);
END
$$;
GRANT SELECT, INSERT, UPDATE (position, event_id) ON live_heads TO app;
GRANT SELECT, INSERT ON live_events TO app;

CALL open_to_gatekeeper('live_events', 'SELECT, DELETE');
GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Whose sessions these are, as far as they live and are of this workspace.
CREATE FUNCTION live_viewers(sessions uuid[])
RETURNS TABLE (session_id uuid, user_id uuid, role text, creators uuid[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT s.id, m.user_id, m.role, m.creator_scope
    FROM sessions s
    JOIN members m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
   WHERE s.id = ANY (sessions) AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()
     AND s.workspace_id = current_setting('app.workspace_id')::uuid
$$;
ALTER FUNCTION live_viewers OWNER TO gatekeeper;

-- Forgets what was written down more than a day ago, of all workspaces, a part at a time.
CREATE FUNCTION forget_live_events(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  forgotten integer;
BEGIN
  -- One at a time and the oldest first: what is left of a workspace has no gap.
  IF NOT pg_try_advisory_xact_lock(hashtext('forget_live_events')) THEN
    RETURN 0;
  END IF;
  DELETE FROM live_events e USING (
    SELECT o.workspace_id, o.position FROM live_events o
     WHERE o.created_at < clock_timestamp() - interval '1 day'
     ORDER BY o.created_at, o.position LIMIT most) old
   WHERE e.workspace_id = old.workspace_id AND e.position = old.position;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN forgotten;
END
$$;
ALTER FUNCTION forget_live_events OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION live_viewers, forget_live_events TO app;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
