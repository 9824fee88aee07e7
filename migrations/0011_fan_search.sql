-- Search of fans that forgives case, accents and typos: by handle, by display name, by its last word,
-- and by the whole e-mail address. Typos need nothing stored: see huntaze.domain.fans.typos.

-- Most names are ASCII, which has nothing to take off. The letters named one by one are those that
-- Unicode does not take apart.
CREATE FUNCTION fold_text(written text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE WHEN octet_length(written) = length(written) THEN lower(written)
    ELSE translate(
      replace(replace(replace(
        regexp_replace(lower(normalize(written, NFKD)), '[\u0300-\u036f]+', '', 'g'),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
      'øłđðħı', 'olddhi') END
$$;
GRANT EXECUTE ON FUNCTION fold_text TO app, worker, gatekeeper;

-- name_key was lower(display_name); what compares with it as before finds what it found, and more.
ALTER TABLE fans
  DROP COLUMN name_key,
  ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (fold_text(display_name)) STORED,
  -- NULL where the name is one word: name_key has it.
  ADD COLUMN last_name_key text COLLATE "C" GENERATED ALWAYS AS (
    CASE WHEN position(' ' IN btrim(display_name)) > 0
         THEN fold_text(split_part(btrim(display_name), ' ', -1)) END) STORED,
  ADD COLUMN email_key text COLLATE "C" GENERATED ALWAYS AS (lower(email)) STORED;

-- With the id: whoever is called alike is read in an order, and from the index alone.
DROP INDEX fans_handle;
CREATE INDEX fans_handle ON fans (workspace_id, creator_id, handle_key, id)
  WHERE erased_at IS NULL;
CREATE INDEX fans_name ON fans (workspace_id, creator_id, name_key, id)
  WHERE erased_at IS NULL AND name_key IS NOT NULL;
CREATE INDEX fans_last_name ON fans (workspace_id, creator_id, last_name_key, id)
  WHERE erased_at IS NULL AND last_name_key IS NOT NULL;
CREATE INDEX fans_email ON fans (workspace_id, creator_id, email_key)
  WHERE erased_at IS NULL AND email_key IS NOT NULL;
