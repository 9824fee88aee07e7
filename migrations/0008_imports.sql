-- Files that are uploaded to be imported, and imports that go on where they stopped.

CREATE TABLE import_uploads (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Until then the bucket takes the file.
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
);

ALTER TABLE imports
  DROP CONSTRAINT imports_status_check,
  ADD CONSTRAINT imports_status_check
    CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
  -- NULL is an import whose file came with the request.
  ADD COLUMN upload_id uuid,
  -- Of the uploaded file: the version that is read, whatever is uploaded after it.
  ADD COLUMN etag text,
  -- What the caller said the file is; NULL is left to its first character.
  ADD COLUMN format text CHECK (format IN ('csv', 'jsonl')),
  ADD COLUMN bytes_total bigint CHECK (bytes_total >= 0),
  ADD COLUMN bytes_read bigint NOT NULL DEFAULT 0,
  ADD COLUMN note text,
  -- Where the rows that are stored end, written in the transaction that stores them.
  ADD COLUMN checkpoint jsonb,
  -- One run at a time: a run shows the fence that it was given, and the next one gets a higher.
  ADD COLUMN fence bigint NOT NULL DEFAULT 0,
  ADD COLUMN leased_until timestamptz,
  -- Runs since the last rows were stored.
  ADD COLUMN idle_runs integer NOT NULL DEFAULT 0,
  -- A file is imported once, however often it is asked for.
  ADD UNIQUE (workspace_id, upload_id),
  ADD FOREIGN KEY (workspace_id, creator_id, upload_id)
    REFERENCES import_uploads (workspace_id, creator_id, id);
CREATE INDEX imports_running ON imports (leased_until) WHERE status = 'running';

CALL protect_tenant_table('import_uploads', 'workspace_id', 'creator_id');
GRANT SELECT, INSERT ON import_uploads TO app;

-- Imports that nobody works at, whatever became of their message. The sweeper only wakes them; who
-- wakes up works in the import's own workspace.
CREATE FUNCTION imports_to_resume(most integer)
RETURNS TABLE (workspace_id uuid, creator_id uuid, import_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT i.workspace_id, i.creator_id, i.id
    FROM imports i
   WHERE i.status = 'running' AND i.upload_id IS NOT NULL
     AND coalesce(i.leased_until, i.created_at + interval '30 seconds') < clock_timestamp()
   ORDER BY i.id
   LIMIT most
$$;
CALL open_to_gatekeeper('imports', 'SELECT');
-- An owner must be able to create.
GRANT CREATE ON SCHEMA public TO gatekeeper;
ALTER FUNCTION imports_to_resume OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
GRANT EXECUTE ON FUNCTION imports_to_resume TO app;
