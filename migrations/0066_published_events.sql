-- What was published is forgotten after two weeks: nobody reads it any more, and it grew for ever.
CREATE INDEX events_outbox_published ON events_outbox (published_at)
  WHERE published_at IS NOT NULL;
GRANT DELETE ON events_outbox TO gatekeeper;

GRANT CREATE ON SCHEMA public TO gatekeeper;

CREATE FUNCTION forget_published_events(most integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  WITH forgotten AS (
    DELETE FROM events_outbox e USING (
      SELECT o.id FROM events_outbox o
       WHERE o.published_at < statement_timestamp() - interval '14 days'
       ORDER BY o.published_at LIMIT most FOR UPDATE SKIP LOCKED) old
     WHERE e.id = old.id
    RETURNING 1)
  SELECT count(*)::integer FROM forgotten
$$;
ALTER FUNCTION forget_published_events OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION forget_published_events TO relay;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
