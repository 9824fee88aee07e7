-- The sweep wakes imports of every workspace: with very many waiting in one, the oldest of another
-- would not be among those that are woken. First the oldest of each workspace, then the second ones.
GRANT CREATE ON SCHEMA public TO gatekeeper;
DROP FUNCTION imports_to_resume(integer);
CREATE FUNCTION imports_to_resume(most integer)
RETURNS TABLE (workspace_id uuid, creator_id uuid, import_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT i.workspace_id, i.creator_id, i.id
    FROM imports i
   WHERE i.status = 'running' AND i.upload_id IS NOT NULL
     AND coalesce(i.leased_until, i.created_at + interval '30 seconds') < clock_timestamp()
   ORDER BY row_number() OVER (PARTITION BY i.workspace_id ORDER BY i.id), i.id
   LIMIT most
$$;
ALTER FUNCTION imports_to_resume OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
GRANT EXECUTE ON FUNCTION imports_to_resume TO app;
