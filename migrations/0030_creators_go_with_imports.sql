-- An upload that nobody used, or an import that stored nothing, is no reason to keep a creator:
-- it goes with it. What was stored (fans, transactions) still keeps the creator.
ALTER TABLE import_uploads
  DROP CONSTRAINT import_uploads_workspace_id_creator_id_fkey,
  ADD CONSTRAINT import_uploads_workspace_id_creator_id_fkey
    FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
    ON DELETE CASCADE;
ALTER TABLE imports
  DROP CONSTRAINT imports_workspace_id_creator_id_fkey,
  ADD CONSTRAINT imports_workspace_id_creator_id_fkey
    FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
    ON DELETE CASCADE;
