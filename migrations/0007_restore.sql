-- What a database that came back from a backup does not know: what was sent after the backup.

-- One row: which server this database lives on, and when it was last seen at work. A backup takes
-- the row along, so that a restored database still names the server that it was taken from.
CREATE TABLE database_life (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  identity text,
  -- Moved on every minute; in a restored database it is the moment that the backup goes back to.
  alive_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The sweeper may come to a restored database before anyone says that it is one: the first
  -- longer silence of a day is kept.
  silent_from timestamptz,
  silent_until timestamptz
);
INSERT INTO database_life DEFAULT VALUES;
GRANT SELECT, UPDATE (alive_at, silent_from, silent_until) ON database_life TO relay;
GRANT SELECT, UPDATE ON database_life TO gatekeeper;

CREATE TABLE database_restores (
  id uuid PRIMARY KEY DEFAULT uuid7(),
  restored_to timestamptz NOT NULL,
  restored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  marked_by text NOT NULL
);
GRANT INSERT ON database_restores TO gatekeeper;

-- A lane since the last restore. It is held until reconciled_at is set, whatever its own status
-- says: logging in anew must not let it go. The row stays, because what was decided before the
-- restore is looked for in the thread before each send, however late it is planned.
CREATE TABLE lane_restores (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  restored_to timestamptz NOT NULL,
  restored_at timestamptz NOT NULL,
  -- How far the list of chats is read; NULL is its first page.
  cursor text,
  failures integer NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  threads integer NOT NULL DEFAULT 0,
  found integer NOT NULL DEFAULT 0,
  reconciled_at timestamptz,
  PRIMARY KEY (creator_id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX lane_restores_open ON lane_restores (due_at) WHERE reconciled_at IS NULL;
CALL protect_tenant_table('lane_restores', 'workspace_id', 'creator_id');
CALL open_to_gatekeeper('lane_restores', 'SELECT, INSERT, UPDATE');
GRANT SELECT ON lane_restores TO app;
GRANT SELECT, UPDATE ON lane_restores TO worker;

GRANT CREATE ON SCHEMA public TO gatekeeper;
GRANT UPDATE (launch, execution_arn, approval_token, delivery_token) ON campaigns TO gatekeeper;
GRANT UPDATE (revoked_at) ON sessions TO gatekeeper;

-- A message that the thread shows and the ledger has forgotten turns its row to sent at once; only
-- in a lane that was restored, and only with that evidence.
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
  IF (NEW.text, NEW.text_hash, NEW.price_cents, NEW.media_ids, NEW.variant, NEW.written_by,
      NEW.fan_id, NEW.creator_id, NEW.workspace_id, NEW.campaign_id)
     IS DISTINCT FROM
     (OLD.text, OLD.text_hash, OLD.price_cents, OLD.media_ids, OLD.variant, OLD.written_by,
      OLD.fan_id, OLD.creator_id, OLD.workspace_id, OLD.campaign_id) THEN
    RAISE EXCEPTION 'what a send says and to whom is frozen' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;

-- Says that this database came back from a backup, and holds every lane. Returns how many.
CREATE FUNCTION mark_restored(went_back_to timestamptz, marker text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  since timestamptz := least(went_back_to, (
    SELECT CASE WHEN silent_until > now_at - interval '1 day' THEN silent_from ELSE alive_at END
      FROM database_life));
  held integer;
BEGIN
  INSERT INTO database_restores (restored_to, restored_at, marked_by)
    VALUES (since, now_at, marker);
  INSERT INTO lane_restores AS r (workspace_id, creator_id, restored_to, restored_at)
    SELECT l.workspace_id, l.creator_id, since, now_at FROM creator_lanes l
    ON CONFLICT (creator_id) DO UPDATE SET
      -- What an earlier restore left to look for is still to be looked for.
      restored_to = CASE WHEN r.reconciled_at IS NULL
                         THEN least(r.restored_to, excluded.restored_to)
                         ELSE excluded.restored_to END,
      restored_at = excluded.restored_at, cursor = NULL, failures = 0, due_at = now_at,
      threads = 0, found = 0, reconciled_at = NULL;
  -- Tokens beyond any that the forgotten time gave away: a worker that outlived the restore holds
  -- no lane by accident. The budget of the last minute is forgotten, too, so it counts as spent.
  UPDATE creator_lanes SET
    fencing_token = fencing_token + 1000000, holder = NULL, leased_until = NULL,
    open_send_id = NULL,
    interval_starts = array_fill(now_at, ARRAY[messages_per_minute]),
    interval_ends = array_fill(now_at, ARRAY[messages_per_minute]);
  GET DIAGNOSTICS held = ROW_COUNT;
  -- The executions of these launches have gone on without us. They are overtaken, and the sweeper
  -- takes each campaign up where the ledger stands, under a name that no execution had.
  UPDATE campaigns SET launch = launch + 1000, execution_arn = NULL, approval_token = NULL,
    delivery_token = NULL
   WHERE status NOT IN ('completed', 'cancelled', 'failed');
  -- Who was logged out, or changed a password, after the backup would be in again.
  UPDATE sessions SET revoked_at = now_at WHERE revoked_at IS NULL;
  RETURN held;
END
$$;
ALTER FUNCTION mark_restored OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION mark_restored TO relay;

-- Compares the server that this database is on with the one that it remembers. Another one means
-- that it came out of a backup of that one. NULL: it is at home; else how many lanes are held.
CREATE FUNCTION recognise_database(present_identity text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  remembered text;
BEGIN
  SELECT identity INTO remembered FROM database_life FOR UPDATE;
  UPDATE database_life SET identity = present_identity;
  IF remembered IS NULL OR remembered = present_identity THEN
    RETURN NULL;
  END IF;
  RETURN mark_restored('infinity', remembered || ' is now ' || present_identity);
END
$$;
ALTER FUNCTION recognise_database OWNER TO gatekeeper;

-- Restored lanes whose next page of chats may be read now; a stopped one needs its person first.
CREATE FUNCTION lanes_to_reconcile() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT r.creator_id
    FROM lane_restores r
    JOIN creator_lanes l ON l.creator_id = r.creator_id
   WHERE r.reconciled_at IS NULL AND r.due_at <= clock_timestamp()
     AND l.status = 'active' AND NOT l.kill_switch
     AND (l.leased_until IS NULL OR l.leased_until < clock_timestamp())
$$;
ALTER FUNCTION lanes_to_reconcile OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION lanes_to_reconcile TO relay;

CREATE FUNCTION lanes_held_by_restore() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT count(*) FROM lane_restores WHERE reconciled_at IS NULL
$$;
ALTER FUNCTION lanes_held_by_restore OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION lanes_held_by_restore TO relay;

-- Campaigns under way without an execution of their present launch, and approvals that such an
-- execution waits for although they were given long ago.
CREATE FUNCTION campaigns_to_take_up()
RETURNS TABLE (workspace_id uuid, campaign_id uuid, move text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT c.workspace_id, c.id,
         CASE WHEN c.execution_arn IS NULL THEN 'start' ELSE 'release_approval' END
    FROM campaigns c
   WHERE (c.status IN ('awaiting_approval', 'scheduled', 'sending', 'paused')
          AND c.execution_arn IS NULL AND c.launched_at < clock_timestamp() - interval '20 seconds')
      OR (c.status IN ('sending', 'paused') AND c.execution_arn IS NOT NULL
          AND c.approval_token IS NOT NULL)
$$;
ALTER FUNCTION campaigns_to_take_up OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION campaigns_to_take_up TO app;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
