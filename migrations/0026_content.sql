-- The library of content: texts and uploaded files beside the references to a platform's vault, tags,
-- words to search by, a schedule, and plans that pipelines write.

ALTER TABLE media
  -- NULL until the item is in the vault: before that it can be offered to nobody.
  ALTER COLUMN platform_media_id DROP NOT NULL,
  DROP CONSTRAINT media_kind_check,
  ADD CONSTRAINT media_kind_check CHECK (kind IN ('text', 'photo', 'video', 'audio')),
  ADD COLUMN body text CHECK (length(body) BETWEEN 1 AND 10000),
  ADD COLUMN created_by uuid,
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Taken out of the library; the row stays where somebody was offered it.
  ADD COLUMN retired_at timestamptz,
  ADD CONSTRAINT media_texts_have_a_body CHECK ((kind = 'text') = (body IS NOT NULL)),
  ADD CONSTRAINT media_texts_are_in_no_vault CHECK (kind <> 'text' OR platform_media_id IS NULL);
CREATE INDEX media_newest ON media (workspace_id, creator_id, id DESC) WHERE retired_at IS NULL;
-- Who was offered an item: its usage, and whether it may go.
CREATE INDEX media_grants_media ON media_grants (workspace_id, media_id, send_id);

CREATE TABLE media_tags (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  media_id uuid NOT NULL,
  tag text COLLATE "C" NOT NULL CHECK (length(tag) BETWEEN 1 AND 60),
  PRIMARY KEY (workspace_id, media_id, tag),
  FOREIGN KEY (workspace_id, creator_id, media_id)
    REFERENCES media (workspace_id, creator_id, id) ON DELETE CASCADE
);
CREATE INDEX media_tags_tag ON media_tags (workspace_id, creator_id, tag, media_id);

-- The words of an item's title, body and tags, folded: row level security lets an index answer
-- ranges of them, which it would not for a pattern or a text search.
CREATE TABLE media_words (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  media_id uuid NOT NULL,
  word text COLLATE "C" NOT NULL CHECK (length(word) BETWEEN 1 AND 60),
  PRIMARY KEY (workspace_id, media_id, word),
  FOREIGN KEY (workspace_id, creator_id, media_id)
    REFERENCES media (workspace_id, creator_id, id) ON DELETE CASCADE
);
CREATE INDEX media_words_word ON media_words (workspace_id, creator_id, word, media_id);
INSERT INTO media_words (workspace_id, creator_id, media_id, word)
SELECT DISTINCT workspace_id, creator_id, id, left(word, 60)
  FROM media, regexp_split_to_table(fold_text(title), '[\s[:punct:]]+') AS word
 WHERE word <> '';

-- What is in the bucket of an item, as its own bytes told.
CREATE TABLE media_files (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  media_id uuid NOT NULL,
  content_type text NOT NULL,
  bytes bigint NOT NULL CHECK (bytes > 0),
  width integer CHECK (width > 0),
  height integer CHECK (height > 0),
  duration_ms bigint CHECK (duration_ms >= 0),
  -- Of the file as it was uploaded, so that the same upload is known again.
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  -- How a picture looks, as 64 differences of brightness: alike where few bits differ.
  looks bit(64),
  -- What was taken out of it, e.g. {exif,location}.
  removed text[] NOT NULL DEFAULT '{}',
  -- Of the bucket, by what each is: {"original": "…", "thumbnail": "…"}.
  objects jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, media_id),
  UNIQUE (workspace_id, creator_id, sha256),
  FOREIGN KEY (workspace_id, creator_id, media_id)
    REFERENCES media (workspace_id, creator_id, id) ON DELETE CASCADE
);

-- A file on its way into the library; it becomes the item of the same id.
CREATE TABLE media_uploads (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  created_by uuid NOT NULL,
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  tags text[] NOT NULL DEFAULT '{}',
  platform_media_id text CHECK (length(platform_media_id) BETWEEN 1 AND 200),
  status text NOT NULL DEFAULT 'waiting'
    CHECK (status IN ('waiting', 'working', 'ready', 'refused', 'duplicate', 'expired')),
  -- Why it is refused: a stable name and a sentence.
  refusal text,
  failure text,
  -- The item that has the very same file.
  duplicate_of uuid,
  -- The version that is read, whatever is uploaded after it.
  etag text,
  bytes bigint CHECK (bytes >= 0),
  -- One run at a time: a run shows the fence that it was given, and the next one gets a higher.
  fence bigint NOT NULL DEFAULT 0,
  leased_until timestamptz,
  runs integer NOT NULL DEFAULT 0,
  -- When the sweep looks after it; NULL when it is over.
  look_at timestamptz DEFAULT clock_timestamp() + interval '1 minute',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Until then the bucket takes the file.
  expires_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id),
  CHECK ((status IN ('waiting', 'working')) = (look_at IS NOT NULL))
);
CREATE INDEX media_uploads_open ON media_uploads (look_at) WHERE look_at IS NOT NULL;

-- Objects of items that are gone; a row goes with the last of its objects.
CREATE TABLE media_removals (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  media_id uuid NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, media_id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
);

CREATE TABLE content_schedule (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  media_id uuid NOT NULL,
  -- What was asked for, and the moment that it is: a clock change in between moves neither.
  local_at timestamp NOT NULL,
  time_zone text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
  at timestamptz NOT NULL,
  note text CHECK (length(note) BETWEEN 1 AND 1000),
  status text NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'due')),
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, media_id, at),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id, media_id)
    REFERENCES media (workspace_id, creator_id, id) ON DELETE CASCADE,
  CHECK ((status = 'due') = (due_at IS NOT NULL))
);
CREATE INDEX content_schedule_calendar ON content_schedule (workspace_id, creator_id, at, id);
CREATE INDEX content_schedule_waiting ON content_schedule (at) WHERE status = 'scheduled';

-- What a pipeline proposes: ideas that become items when a person takes them.
CREATE TABLE ai_plan (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'failed')),
  request jsonb NOT NULL,
  model text,
  failure text,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id),
  CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX ai_plan_newest ON ai_plan (workspace_id, creator_id, id DESC);

CREATE TABLE ai_plan_item (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  position integer NOT NULL CHECK (position >= 0),
  kind text NOT NULL CHECK (kind IN ('text', 'photo', 'video', 'audio')),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  body text CHECK (length(body) BETWEEN 1 AND 10000),
  -- What the model says of it beside the text, e.g. hashtags and the platform.
  details jsonb NOT NULL DEFAULT '{}',
  -- The item that it became.
  media_id uuid,
  PRIMARY KEY (workspace_id, plan_id, position),
  FOREIGN KEY (workspace_id, creator_id, plan_id)
    REFERENCES ai_plan (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, media_id) REFERENCES media (workspace_id, creator_id, id)
    ON DELETE SET NULL (media_id)
);

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    'media_tags', 'media_words', 'media_files', 'media_uploads', 'media_removals',
    'content_schedule', 'ai_plan', 'ai_plan_item'
  ] LOOP
    CALL protect_tenant_table(target, 'workspace_id', 'creator_id');
  END LOOP;
END
$$;
GRANT SELECT, INSERT, DELETE ON media_tags, media_words, media_files, media_removals TO app;
GRANT SELECT, INSERT, UPDATE ON media_uploads, ai_plan TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON content_schedule TO app;
GRANT SELECT, INSERT, UPDATE (media_id) ON ai_plan_item TO app;

-- What nobody works at, of all workspaces. Who is woken works in the row's own workspace.
CREATE FUNCTION media_to_work_at(most integer)
RETURNS TABLE (task text, workspace_id uuid, creator_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  (SELECT 'upload', u.workspace_id, u.creator_id, u.id
     FROM media_uploads u
    WHERE u.look_at <= clock_timestamp()
    ORDER BY u.look_at LIMIT most)
  UNION ALL
  (SELECT 'removal', r.workspace_id, r.creator_id, r.media_id
     FROM media_removals r
    ORDER BY r.requested_at LIMIT most)
  UNION ALL
  (SELECT 'schedule', s.workspace_id, s.creator_id, s.id
     FROM content_schedule s
    WHERE s.status = 'scheduled' AND s.at <= clock_timestamp()
    ORDER BY s.at LIMIT most)
$$;
CALL open_to_gatekeeper('media_uploads', 'SELECT');
CALL open_to_gatekeeper('media_removals', 'SELECT');
CALL open_to_gatekeeper('content_schedule', 'SELECT');
-- An owner must be able to create.
GRANT CREATE ON SCHEMA public TO gatekeeper;
ALTER FUNCTION media_to_work_at OWNER TO gatekeeper;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
GRANT EXECUTE ON FUNCTION media_to_work_at TO app;
