-- What was taken out of the library is known again when its very file comes back: whoever was
-- offered it is not offered it anew.
ALTER TABLE media
  ADD COLUMN retired_sha256 bytea CHECK (octet_length(retired_sha256) = 32),
  ADD CHECK (retired_sha256 IS NULL OR retired_at IS NOT NULL);
CREATE INDEX media_retired_file ON media (workspace_id, creator_id, retired_sha256)
  WHERE retired_sha256 IS NOT NULL;
