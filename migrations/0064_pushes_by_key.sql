-- What platforms push is looked up by its whole key.
--
-- Who pushes names a creator and no workspace, so each push read the journal of all creators from
-- its beginning to its end, and every creator's secrets.
CREATE INDEX platform_webhooks_creator ON platform_webhooks (creator_id);

GRANT CREATE ON SCHEMA public TO gatekeeper;

CREATE OR REPLACE FUNCTION take_platform_event(
  creator uuid, event text, of_kind text, at timestamptz, said text, fan text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  INSERT INTO platform_events AS e
    (workspace_id, creator_id, id, kind, occurred_at, body, fan_platform_id)
  SELECT w.workspace_id, w.creator_id, event, of_kind, at, said, fan
    FROM platform_webhooks w WHERE w.creator_id = creator
  ON CONFLICT DO NOTHING;
  SELECT coalesce(bool_or(e.processed_at IS NULL), false)
    FROM platform_webhooks w
    JOIN platform_events e
      ON e.workspace_id = w.workspace_id AND e.creator_id = w.creator_id AND e.id = event
   WHERE w.creator_id = creator
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
