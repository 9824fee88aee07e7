-- What happens to fans is noted in the transaction in which it does, whoever writes it (a sync, an
-- import, a person), for creators with an automation that listens, and for no others.

-- A change that an automation makes says so; anybody else's has depth 0.
CREATE FUNCTION happening_depth() RETURNS smallint
LANGUAGE sql STABLE
AS $$
  SELECT coalesce(nullif(current_setting('app.automation_depth', true), ''), '0')::smallint
$$;
GRANT EXECUTE ON FUNCTION happening_depth TO gatekeeper;

GRANT CREATE ON SCHEMA public TO gatekeeper;

CREATE FUNCTION note_new_fans() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  -- A statement writes fans of one workspace; most have nobody who listens.
  IF NOT EXISTS (
    SELECT FROM automations a
     WHERE a.workspace_id = (SELECT n.workspace_id FROM new_rows n LIMIT 1)
       AND a.enabled_at IS NOT NULL AND a.listens IN ('subscribed', 'message_received')) THEN
    RETURN NULL;
  END IF;
  INSERT INTO happenings (workspace_id, creator_id, fan_id, kind, turn, happened_at, depth)
  SELECT n.workspace_id, n.creator_id, n.id, h.kind, h.turn, h.at, happening_depth()
    FROM new_rows n
   CROSS JOIN LATERAL (VALUES
     ('subscribed', n.status = 'active', 'subscribed:' || extract(epoch FROM n.subscribed_at),
      n.subscribed_at),
     ('message_received', true, 'message:' || extract(epoch FROM n.last_inbound_at),
      n.last_inbound_at)
   ) h (kind, holds, turn, at)
   -- Of an unknown moment nobody can say that it came after the automation.
   WHERE h.holds AND h.at IS NOT NULL AND n.erased_at IS NULL
     AND EXISTS (
       SELECT FROM automations a
        WHERE a.workspace_id = n.workspace_id AND a.creator_id = n.creator_id
          AND a.listens = h.kind
          -- Platforms tell the day of a subscription, not always the hour.
          AND CASE WHEN h.kind = 'subscribed' THEN date_trunc('day', a.enabled_at, 'UTC')
                   ELSE a.enabled_at END <= h.at);
  RETURN NULL;
END
$$;

CREATE FUNCTION note_changed_fans() RETURNS trigger
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
     ('came_online', n.last_seen_at > coalesce(o.last_seen_at, '-infinity'),
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

CREATE FUNCTION note_new_tags() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
  INSERT INTO happenings (workspace_id, creator_id, fan_id, kind, turn, happened_at, facts, depth)
  SELECT n.workspace_id, n.creator_id, n.fan_id, 'tag_added',
         'tag:' || n.tag || ':' || extract(epoch FROM clock_timestamp()), clock_timestamp(),
         jsonb_build_object('tag', n.tag), happening_depth()
    FROM new_rows n
   WHERE EXISTS (
     SELECT FROM automations a
      WHERE a.workspace_id = n.workspace_id AND a.creator_id = n.creator_id
        AND a.listens = 'tag_added' AND a.enabled_at IS NOT NULL);
  RETURN NULL;
END
$$;

CREATE FUNCTION note_new_payments() RETURNS trigger
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
     AND EXISTS (
       SELECT FROM automations a
        WHERE a.workspace_id = n.workspace_id AND a.creator_id = n.creator_id
          AND a.listens = h.kind AND a.enabled_at <= n.created_at);
  RETURN NULL;
END
$$;

ALTER FUNCTION note_new_fans OWNER TO gatekeeper;
ALTER FUNCTION note_changed_fans OWNER TO gatekeeper;
ALTER FUNCTION note_new_tags OWNER TO gatekeeper;
ALTER FUNCTION note_new_payments OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;

-- Once a statement, not once a row: an import of a million fans asks once whether anybody listens.
CREATE TRIGGER note_new_fans AFTER INSERT ON fans REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION note_new_fans();
CREATE TRIGGER note_changed_fans AFTER UPDATE ON fans
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_fans();
CREATE TRIGGER note_new_tags AFTER INSERT ON fan_tags REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION note_new_tags();
CREATE TRIGGER note_new_payments AFTER INSERT ON transactions REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION note_new_payments();
