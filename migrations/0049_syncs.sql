-- What a sync knows of threads, syncs that come by themselves, and what platforms push.

-- A thread is read page by page, newest first, until what is stored follows without a gap; how far
-- that is lies here, so that whoever goes on repeats one page at most.
DROP INDEX conversations_to_read;
ALTER TABLE conversations
  -- NULL: nothing is to be read.
  ADD COLUMN read_due_at timestamptz,
  -- The page that comes next; NULL is the newest.
  ADD COLUMN read_cursor text CHECK (length(read_cursor) <= 1000),
  -- The newest message of the reading that is under way, and how many it has seen.
  ADD COLUMN read_head text CHECK (length(read_head) <= 200),
  ADD COLUMN read_count integer NOT NULL DEFAULT 0,
  -- The list of chats has shown something newer since.
  ADD COLUMN read_again boolean NOT NULL DEFAULT false,
  ADD COLUMN read_failures smallint NOT NULL DEFAULT 0;
-- What is new comes before what is old, and the latest of it first.
CREATE INDEX conversations_to_read
  ON conversations (creator_id, (read_cursor IS NOT NULL), listed_at DESC, id)
  WHERE read_due_at IS NOT NULL;
GRANT SELECT ON conversations, messages TO gatekeeper;
CREATE POLICY gatekeeper_reads ON conversations FOR SELECT TO gatekeeper USING (true);
CREATE POLICY gatekeeper_reads ON messages FOR SELECT TO gatekeeper USING (true);

ALTER TABLE messages
  -- When a page of the thread has first shown it: of what was never shown, nobody can say that the
  -- platform has taken it away.
  ADD COLUMN shown_at timestamptz,
  -- A message of ours: when it was first seen that the fan has seen it.
  ADD COLUMN opened_at timestamptz CHECK (opened_at IS NULL OR direction = 'out');
GRANT UPDATE (shown_at, opened_at) ON messages TO app, worker;

GRANT UPDATE (last_seen_at) ON fans TO worker;

-- The last sync of each kind is asked for each minute.
CREATE INDEX creator_commands_syncs ON creator_commands (creator_id, kind, created_at DESC)
  WHERE starts_with(kind, 'sync_');
GRANT INSERT (workspace_id, creator_id, kind, payload), DELETE ON creator_commands TO gatekeeper;

-- What platforms push: with which secret each creator's is signed, and what has come.

CREATE TABLE platform_webhooks (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  -- How many secrets there were.
  generation integer NOT NULL DEFAULT 1 CHECK (generation > 0),
  sealed_key bytea NOT NULL,
  sealed bytea NOT NULL,
  -- The secret before, until the platform has taken the new one over.
  previous_sealed_key bytea,
  previous_sealed bytea,
  previous_until timestamptz,
  set_by uuid NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, creator_id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE,
  CHECK ((previous_sealed IS NULL) = (previous_until IS NULL)
     AND (previous_sealed IS NULL) = (previous_sealed_key IS NULL))
);

-- The journal. What an event says is kept until it is worked on, and no longer.
CREATE TABLE platform_events (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  -- The platform's.
  id text NOT NULL CHECK (length(id) BETWEEN 1 AND 200),
  kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
  occurred_at timestamptz NOT NULL,
  body text,
  -- Of whom it speaks: goes with the fan who asks to be forgotten.
  fan_platform_id text,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When it was last told to the queue.
  queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  processed_at timestamptz,
  outcome text CHECK (outcome IN ('applied', 'older', 'unknown_kind')),
  failures smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE,
  CHECK ((processed_at IS NULL) = (outcome IS NULL)),
  CHECK (processed_at IS NULL OR (body IS NULL AND fan_platform_id IS NULL))
);
CREATE INDEX platform_events_waiting ON platform_events (queued_at)
  WHERE processed_at IS NULL AND failures = 0;
CREATE INDEX platform_events_age ON platform_events (received_at);
CREATE INDEX platform_events_fan ON platform_events (workspace_id, creator_id, fan_platform_id)
  WHERE fan_platform_id IS NOT NULL;

-- The fence: the newest that was told of each thing, which nothing older overwrites.
CREATE TABLE platform_versions (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('message', 'subscription', 'transaction')),
  -- Made of the platform's id with the workspace's secret key: it names nobody.
  thing bytea NOT NULL,
  told_at timestamptz NOT NULL DEFAULT '-infinity',
  event_id text NOT NULL DEFAULT '',
  -- A message that was taken back stays so, also if it is told of later.
  gone_at timestamptz,
  touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, creator_id, kind, thing),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX platform_versions_age ON platform_versions (touched_at);

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['platform_webhooks', 'platform_events', 'platform_versions'] LOOP
    CALL protect_tenant_table(target, 'workspace_id', 'creator_id');
  END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON platform_webhooks TO app;
GRANT SELECT, DELETE, UPDATE (body, fan_platform_id, processed_at, outcome, failures)
  ON platform_events TO app;
GRANT SELECT, INSERT, UPDATE (told_at, event_id, gone_at, touched_at) ON platform_versions TO app;
CALL open_to_gatekeeper('platform_webhooks', 'SELECT');
CALL open_to_gatekeeper('platform_events', 'SELECT, INSERT, DELETE, UPDATE (queued_at)');
CALL open_to_gatekeeper('platform_versions', 'SELECT, DELETE');

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- With which secrets a creator's events may be signed now; no row: nobody's may.
CREATE FUNCTION platform_webhook(creator uuid, of_platform text)
RETURNS TABLE (workspace_id uuid, generation integer, sealed_key bytea, sealed bytea,
               previous_sealed_key bytea, previous_sealed bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT w.workspace_id, w.generation, w.sealed_key, w.sealed,
         CASE WHEN w.previous_until > clock_timestamp() THEN w.previous_sealed_key END,
         CASE WHEN w.previous_until > clock_timestamp() THEN w.previous_sealed END
    FROM platform_webhooks w
    JOIN creators k ON k.workspace_id = w.workspace_id AND k.id = w.creator_id
   WHERE w.creator_id = creator AND k.platform = of_platform
     AND NOT EXISTS (
       SELECT FROM erasures e WHERE e.workspace_id = w.workspace_id AND e.kind = 'workspace'
          AND e.state IN ('scheduled', 'erasing', 'done'))
$$;
ALTER FUNCTION platform_webhook OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION platform_webhook TO intake;

-- Writes an event down, once; whether work on it is still to be done.
CREATE FUNCTION take_platform_event(
  creator uuid, event text, of_kind text, at timestamptz, said text, fan text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  INSERT INTO platform_events AS e
    (workspace_id, creator_id, id, kind, occurred_at, body, fan_platform_id)
  SELECT w.workspace_id, w.creator_id, event, of_kind, at, said, fan
    FROM platform_webhooks w WHERE w.creator_id = creator
  ON CONFLICT DO NOTHING;
  SELECT coalesce(bool_or(e.processed_at IS NULL), false)
    FROM platform_events e WHERE e.creator_id = creator AND e.id = event
$$;
ALTER FUNCTION take_platform_event OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION take_platform_event TO intake;

-- Events that the queue has lost before anybody tried; and what is over goes, a part at a time.
CREATE FUNCTION platform_events_to_queue(lost_after interval, most integer)
RETURNS TABLE (workspace_id uuid, creator_id uuid, event_id text)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  DELETE FROM platform_events e USING (
    SELECT o.workspace_id, o.creator_id, o.id FROM platform_events o
     WHERE o.received_at < clock_timestamp() - interval '30 days' LIMIT most) old
   WHERE e.workspace_id = old.workspace_id AND e.creator_id = old.creator_id AND e.id = old.id;
  DELETE FROM platform_versions v USING (
    SELECT o.workspace_id, o.creator_id, o.kind, o.thing FROM platform_versions o
     WHERE o.touched_at < clock_timestamp() - interval '30 days' LIMIT most) old
   WHERE v.workspace_id = old.workspace_id AND v.creator_id = old.creator_id
     AND v.kind = old.kind AND v.thing = old.thing;
  UPDATE platform_events e SET queued_at = clock_timestamp()
    FROM (
      SELECT o.workspace_id, o.creator_id, o.id FROM platform_events o
       WHERE o.processed_at IS NULL AND o.failures = 0
         AND o.queued_at < clock_timestamp() - lost_after
       ORDER BY o.queued_at LIMIT most FOR UPDATE SKIP LOCKED) lost
   WHERE e.workspace_id = lost.workspace_id AND e.creator_id = lost.creator_id AND e.id = lost.id
  RETURNING e.workspace_id, e.creator_id, e.id
$$;
ALTER FUNCTION platform_events_to_queue OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION platform_events_to_queue TO relay;

-- Orders the syncs whose time has come, of creators who are connected and whose lane moves. Each
-- pace is {"active": s, "silent": s, "full": s}, in seconds: how often a creator with messages in
-- the last while is read, how often another, and how often a list from its beginning to its end;
-- without the last, always. What waits already is not doubled, and what came to its end makes room.
CREATE FUNCTION plan_syncs(paces jsonb, active_for interval, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  ordered integer;
BEGIN
  WITH moving AS (
    SELECT l.workspace_id, l.creator_id,
           coalesce((SELECT max(m.sent_at) FROM messages m
                      WHERE m.workspace_id = l.workspace_id AND m.creator_id = l.creator_id)
                    > at - active_for, false) AS is_active
      FROM creator_lanes l
      JOIN creators k ON k.workspace_id = l.workspace_id AND k.id = l.creator_id
     WHERE l.status = 'active' AND NOT l.kill_switch AND k.driver_consent_at IS NOT NULL
       AND NOT EXISTS (
         SELECT FROM kill_switches s WHERE s.scope IN ('all', 'profile:' || l.platform))
       AND NOT EXISTS (
         SELECT FROM lane_restores r
          WHERE r.workspace_id = l.workspace_id AND r.creator_id = l.creator_id
            AND r.reconciled_at IS NULL)
  ), due AS (
    SELECT m.workspace_id, m.creator_id, p.kind, last.created_at,
           p.pace ->> 'full' IS NULL OR last.state = 'failed' OR NOT EXISTS (
             SELECT FROM creator_commands f
              WHERE f.creator_id = m.creator_id AND f.kind = p.kind AND starts_with(f.kind, 'sync_')
                AND f.state = 'done' AND coalesce(f.payload ->> 'full', 'true') = 'true'
                AND f.created_at > at - (p.pace ->> 'full')::integer * interval '1 second')
             AS is_full
      FROM moving m
     CROSS JOIN jsonb_each(paces) p (kind, pace)
      LEFT JOIN LATERAL (
        SELECT c.state, c.created_at FROM creator_commands c
         WHERE c.creator_id = m.creator_id AND c.kind = p.kind AND starts_with(c.kind, 'sync_')
         ORDER BY c.created_at DESC LIMIT 1
      ) last ON true
     WHERE last.state IS NULL OR (last.state IN ('done', 'failed')
       AND last.created_at <= at - interval '1 second' * (
         CASE WHEN m.is_active AND last.state = 'done' THEN p.pace ->> 'active'
              ELSE p.pace ->> 'silent' END)::integer)
     ORDER BY last.created_at NULLS FIRST LIMIT most
  ), planned AS (
    INSERT INTO creator_commands (workspace_id, creator_id, kind, payload)
    SELECT d.workspace_id, d.creator_id, d.kind,
           jsonb_build_object('periodic', true, 'full', d.is_full)
      FROM due d
    ON CONFLICT (workspace_id, creator_id, kind)
      WHERE state IN ('waiting', 'running') AND starts_with(kind, 'sync_') DO NOTHING
    RETURNING creator_id, kind
  ), over AS (
    DELETE FROM creator_commands c USING planned p, due d
     WHERE c.creator_id = p.creator_id AND c.kind = p.kind AND starts_with(c.kind, 'sync_')
       AND d.creator_id = p.creator_id AND d.kind = p.kind AND c.created_at < d.created_at
       AND c.state IN ('done', 'failed') AND c.payload ->> 'periodic' = 'true'
       -- By the whole ones it is known when the next is due.
       AND (c.payload ->> 'full' = 'false' OR c.created_at < at - interval '3 days')
  )
  SELECT count(*) INTO ordered FROM planned;
  RETURN ordered;
END
$$;
ALTER FUNCTION plan_syncs OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION plan_syncs TO relay;

-- As before, and threads that are to be read.
CREATE OR REPLACE FUNCTION lanes_with_due_work() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT l.creator_id
    FROM creator_lanes l
   WHERE (l.leased_until IS NULL OR l.leased_until < clock_timestamp())
     AND (
       EXISTS (
         SELECT FROM creator_commands c
          WHERE c.creator_id = l.creator_id AND c.state IN ('waiting', 'running')
            AND NOT starts_with(c.kind, 'sync_'))
       OR (l.status = 'active' AND NOT l.kill_switch AND (
         EXISTS (
           SELECT FROM creator_commands c
            WHERE c.creator_id = l.creator_id AND c.state = 'waiting'
              AND starts_with(c.kind, 'sync_') AND c.due_at <= clock_timestamp())
         OR EXISTS (
           SELECT FROM conversations c
            WHERE c.creator_id = l.creator_id AND c.read_due_at <= clock_timestamp())
         OR EXISTS (
           SELECT FROM sends s
            WHERE s.creator_id = l.creator_id AND s.state = 'planned' AND s.campaign_id IS NULL
              AND s.due_at <= clock_timestamp())
         OR EXISTS (
           SELECT FROM campaigns c JOIN sends s ON s.campaign_id = c.id
            WHERE c.creator_id = l.creator_id AND c.status = 'sending' AND s.state = 'planned'
              AND s.due_at <= clock_timestamp())
         OR EXISTS (
           SELECT FROM sends s
            WHERE s.creator_id = l.creator_id AND s.state = 'submitting'
              AND s.readable_at <= clock_timestamp())))
     )
$$;

-- As before, but whoever is seen again within half an hour has not come anew.
CREATE OR REPLACE FUNCTION note_changed_fans() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM automations a
     WHERE a.workspace_id = (SELECT n.workspace_id FROM new_rows n LIMIT 1)
       AND a.enabled_at IS NOT NULL
       AND a.listens IN ('subscribed', 'expired', 'rebill_off', 'came_online', 'message_received'))
  THEN
    RETURN NULL;
  END IF;
  INSERT INTO happenings (workspace_id, creator_id, fan_id, kind, turn, happened_at, depth)
  SELECT n.workspace_id, n.creator_id, n.id, h.kind, h.turn, h.at, happening_depth()
    FROM new_rows n
    JOIN old_rows o ON o.workspace_id = n.workspace_id AND o.id = n.id
   CROSS JOIN LATERAL (SELECT clock_timestamp() AS at, (now() AT TIME ZONE 'UTC')::date AS day) moment
   CROSS JOIN LATERAL (VALUES
     ('subscribed', n.status = 'active' AND o.status <> 'active',
      'subscribed:' || coalesce(extract(epoch FROM n.subscribed_at)::text, moment.day::text),
      coalesce(n.subscribed_at, moment.at)),
     ('expired', n.status = 'expired' AND o.status = 'active',
      'expired:' || coalesce(extract(epoch FROM n.expires_at)::text, moment.day::text), moment.at),
     ('rebill_off', n.rebill_on IS FALSE AND o.rebill_on IS TRUE,
      'rebill_off:' || coalesce(extract(epoch FROM n.expires_at)::text, moment.day::text),
      moment.at),
     -- Who is there for an hour is seen again and again: it is one coming.
     ('came_online',
      n.last_seen_at > coalesce(o.last_seen_at, '-infinity') + interval '30 minutes',
      'online:' || extract(epoch FROM n.last_seen_at), n.last_seen_at),
     ('message_received', n.last_inbound_at > coalesce(o.last_inbound_at, '-infinity'),
      'message:' || extract(epoch FROM n.last_inbound_at), n.last_inbound_at)
   ) h (kind, holds, turn, at)
   WHERE h.holds AND n.erased_at IS NULL
     AND EXISTS (
       SELECT FROM automations a
        WHERE a.workspace_id = n.workspace_id AND a.creator_id = n.creator_id
          AND a.listens = h.kind
          AND CASE WHEN h.kind = 'subscribed' THEN date_trunc('day', a.enabled_at, 'UTC')
                   ELSE a.enabled_at END <= h.at);
  RETURN NULL;
END
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
