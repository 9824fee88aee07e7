-- What caused a row: the id of the request, and where it is in its trace, so that a message that
-- the worker delivers hours later still leads back to it. Neither says anything of a person.
--
-- Defaults read the transaction's settings, which huntaze.db sets beside the workspace: no
-- statement that writes such a row has to think of it.

ALTER TABLE campaigns ADD COLUMN correlation_id uuid, ADD COLUMN trace text;
ALTER TABLE sends ADD COLUMN correlation_id uuid, ADD COLUMN trace text;
ALTER TABLE creator_commands ADD COLUMN correlation_id uuid, ADD COLUMN trace text;
ALTER TABLE events_outbox ADD COLUMN correlation_id uuid, ADD COLUMN trace text;

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['campaigns', 'sends', 'creator_commands', 'events_outbox'] LOOP
    EXECUTE format(
      'ALTER TABLE %1$I'
      ' ALTER COLUMN correlation_id'
      '   SET DEFAULT nullif(current_setting(''app.correlation_id'', true), '''')::uuid,'
      ' ALTER COLUMN trace SET DEFAULT nullif(current_setting(''app.trace'', true), ''''),'
      -- Every row there is has none: nothing to look at, and no table to hold while looking.
      ' ADD CONSTRAINT %2$I CHECK (trace ~'
      '   ''^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]$'') NOT VALID',
      target, target || '_trace_check');
  END LOOP;
END
$$;

DROP FUNCTION take_outbox;
CREATE FUNCTION take_outbox(most integer)
RETURNS TABLE (id uuid, workspace_id uuid, aggregate_type text, aggregate_id uuid, event_type text,
               payload jsonb, created_at timestamptz, correlation_id uuid, trace text)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT o.id, o.workspace_id, o.aggregate_type, o.aggregate_id, o.event_type, o.payload,
         o.created_at, o.correlation_id, o.trace
    FROM events_outbox o
   WHERE o.published_at IS NULL
   ORDER BY o.id
   LIMIT most
     FOR UPDATE SKIP LOCKED
$$;
GRANT CREATE ON SCHEMA public TO gatekeeper;
ALTER FUNCTION take_outbox OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
GRANT EXECUTE ON FUNCTION take_outbox TO relay;
