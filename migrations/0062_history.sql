-- What a file brings is history where it does not say when it was: it starts nothing.

-- Rows of a file say so (huntaze.domain.fans.bulk).
CREATE FUNCTION of_file() RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT coalesce(current_setting('app.of_file', true), '') = 'on'
$$;
GRANT EXECUTE ON FUNCTION of_file TO gatekeeper;

CALL open_to_gatekeeper('automation_versions', 'SELECT');

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- As before, but a subscription whose moment a file does not tell is none of today.
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
      CASE WHEN of_file() THEN n.subscribed_at ELSE coalesce(n.subscribed_at, moment.at) END),
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

-- As before, but only tags that an automation waits for; and those with which a file brings a fan
-- whom nobody knew are none that the fan is given.
CREATE OR REPLACE FUNCTION note_new_tags() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  awaited text[] := ARRAY(
    SELECT v.definition #>> '{trigger,tag}'
      FROM automations a
      JOIN automation_versions v ON v.workspace_id = a.workspace_id AND v.automation_id = a.id
       AND v.version = a.version
     WHERE a.workspace_id = (SELECT n.workspace_id FROM new_rows n LIMIT 1)
       AND a.listens = 'tag_added' AND a.enabled_at IS NOT NULL);
BEGIN
  IF awaited = '{}' THEN
    RETURN NULL;
  END IF;
  INSERT INTO happenings (workspace_id, creator_id, fan_id, kind, turn, happened_at, facts, depth)
  SELECT n.workspace_id, n.creator_id, n.fan_id, 'tag_added',
         'tag:' || n.tag || ':' || extract(epoch FROM clock_timestamp()), clock_timestamp(),
         jsonb_build_object('tag', n.tag), happening_depth()
    FROM new_rows n
   WHERE n.tag = ANY (awaited)
     AND EXISTS (
       SELECT FROM automations a
        WHERE a.workspace_id = n.workspace_id AND a.creator_id = n.creator_id
          AND a.listens = 'tag_added' AND a.enabled_at IS NOT NULL)
     AND NOT (of_file() AND EXISTS (
       SELECT FROM fans f
        WHERE f.workspace_id = n.workspace_id AND f.id = n.fan_id AND f.created_at >= now()));
  RETURN NULL;
END
$$;

-- As before, but a payment whose moment nobody tells is none of today.
CREATE OR REPLACE FUNCTION note_new_payments() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM automations a
     WHERE a.workspace_id = (SELECT n.workspace_id FROM new_rows n LIMIT 1)
       AND a.enabled_at IS NOT NULL AND a.listens IN ('tip', 'ppv_opened', 'paid')) THEN
    RETURN NULL;
  END IF;
  INSERT INTO happenings (workspace_id, creator_id, fan_id, kind, turn, happened_at, facts, depth)
  SELECT n.workspace_id, n.creator_id, n.fan_id, h.kind, h.kind || ':' || n.transaction_id,
         n.created_at, jsonb_build_object('cents', n.amount_cents), happening_depth()
    FROM new_rows n
   CROSS JOIN LATERAL (VALUES
     ('tip', n.type = 'tip'), ('ppv_opened', n.type = 'message'), ('paid', true)
   ) h (kind, holds)
   WHERE h.holds AND n.reverses IS NULL
     -- Told without its moment, it is stored with that of the transaction (huntaze.domain.money).
     AND n.created_at <> now()
     AND EXISTS (
       SELECT FROM automations a
        WHERE a.workspace_id = n.workspace_id AND a.creator_id = n.creator_id
          AND a.listens = h.kind AND a.enabled_at <= n.created_at);
  RETURN NULL;
END
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
