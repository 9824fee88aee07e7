-- That a fan has written is noted of the message, which has an id, and no more of when the fan wrote
-- last, which a list of chats and a thread may tell differently: one message started two runs.

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- As before, but for messages.
CREATE OR REPLACE FUNCTION note_new_fans() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  -- A statement writes fans of one workspace; most have nobody who listens.
  IF NOT EXISTS (
    SELECT FROM automations a
     WHERE a.workspace_id = (SELECT n.workspace_id FROM new_rows n LIMIT 1)
       AND a.enabled_at IS NOT NULL AND a.listens = 'subscribed') THEN
    RETURN NULL;
  END IF;
  INSERT INTO happenings (workspace_id, creator_id, fan_id, kind, turn, happened_at, depth)
  SELECT n.workspace_id, n.creator_id, n.id, 'subscribed',
         'subscribed:' || extract(epoch FROM n.subscribed_at), n.subscribed_at, happening_depth()
    FROM new_rows n
   -- Of an unknown moment nobody can say that it came after the automation.
   WHERE n.status = 'active' AND n.subscribed_at IS NOT NULL AND n.erased_at IS NULL
     AND EXISTS (
       SELECT FROM automations a
        WHERE a.workspace_id = n.workspace_id AND a.creator_id = n.creator_id
          AND a.listens = 'subscribed'
          -- Platforms tell the day of a subscription, not always the hour.
          AND date_trunc('day', a.enabled_at, 'UTC') <= n.subscribed_at);
  RETURN NULL;
END
$$;

-- As before, but for messages.
CREATE OR REPLACE FUNCTION note_changed_fans() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM automations a
     WHERE a.workspace_id = (SELECT n.workspace_id FROM new_rows n LIMIT 1)
       AND a.enabled_at IS NOT NULL
       AND a.listens IN ('subscribed', 'expired', 'rebill_off', 'came_online'))
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
      CASE WHEN of_file() THEN n.subscribed_at ELSE coalesce(n.subscribed_at, moment.at) END),
     ('expired', n.status = 'expired' AND o.status = 'active',
      'expired:' || coalesce(extract(epoch FROM n.expires_at)::text, moment.day::text), moment.at),
     ('rebill_off', n.rebill_on IS FALSE AND o.rebill_on IS TRUE,
      'rebill_off:' || coalesce(extract(epoch FROM n.expires_at)::text, moment.day::text),
      moment.at),
     -- Who is there for an hour is seen again and again: it is one coming.
     ('came_online',
      n.last_seen_at > coalesce(o.last_seen_at, '-infinity') + interval '30 minutes',
      'online:' || extract(epoch FROM n.last_seen_at), n.last_seen_at)
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

CREATE FUNCTION note_new_messages() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM automations a
     WHERE a.workspace_id = (SELECT n.workspace_id FROM new_rows n LIMIT 1)
       AND a.enabled_at IS NOT NULL AND a.listens = 'message_received') THEN
    RETURN NULL;
  END IF;
  INSERT INTO happenings (workspace_id, creator_id, fan_id, kind, turn, happened_at, depth)
  SELECT n.workspace_id, n.creator_id, n.fan_id, 'message_received',
         'message:' || n.platform_message_id, n.sent_at, happening_depth()
    FROM new_rows n
   WHERE n.direction = 'in'
     AND EXISTS (
       SELECT FROM automations a
        WHERE a.workspace_id = n.workspace_id AND a.creator_id = n.creator_id
          AND a.listens = 'message_received' AND a.enabled_at <= n.sent_at);
  RETURN NULL;
END
$$;
ALTER FUNCTION note_new_messages OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;

CREATE TRIGGER note_new_messages AFTER INSERT ON messages REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION note_new_messages();
