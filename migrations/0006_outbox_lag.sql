-- How long the oldest event that is not published has waited; zero when none waits. The relay says
-- it each minute, because it alone may see the outbox.
CREATE FUNCTION outbox_lag() RETURNS interval
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT coalesce(
    (SELECT clock_timestamp() - o.created_at FROM events_outbox o
      WHERE o.published_at IS NULL ORDER BY o.id LIMIT 1),
    interval '0')
$$;
GRANT CREATE ON SCHEMA public TO gatekeeper;
ALTER FUNCTION outbox_lag OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
GRANT EXECUTE ON FUNCTION outbox_lag TO relay;
