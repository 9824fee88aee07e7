-- What members asked the assistant about their business, and what it answered with which figures.

CREATE TABLE ai_chats (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  user_id uuid NOT NULL,
  -- NULL: about every creator that the member saw when they asked first; those are `creators`, of
  -- which NULL is all of the workspace.
  creator_id uuid,
  creators uuid[],
  turns smallint NOT NULL DEFAULT 0 CHECK (turns BETWEEN 0 AND 50),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The newest question; conversations are forgotten 90 days after it.
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, user_id, id),
  FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE
);

CREATE TABLE ai_chat_turns (
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  chat_id uuid NOT NULL,
  position smallint NOT NULL CHECK (position BETWEEN 1 AND 50),
  question text NOT NULL CHECK (length(question) BETWEEN 1 AND 2000),
  language text NOT NULL CHECK (language IN ('en', 'fr')),
  -- answered: with figures; no_data: there are none for this; refused: what the model said could not
  -- be shown by figures, twice.
  status text NOT NULL CHECK (status IN ('answered', 'no_data', 'refused')),
  -- With places for the figures, so that no name of a fan is kept here.
  answer text NOT NULL CHECK (length(answer) BETWEEN 1 AND 4000),
  figures jsonb NOT NULL CHECK (jsonb_typeof(figures) = 'array'),
  generation_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, chat_id, position),
  FOREIGN KEY (workspace_id, user_id, chat_id) REFERENCES ai_chats (workspace_id, user_id, id)
    ON DELETE CASCADE
);
CREATE INDEX ai_chats_creator ON ai_chats (workspace_id, creator_id);
CREATE INDEX ai_chats_asked ON ai_chats (asked_at);

DO $$
DECLARE
  target text;
  -- A member sees what is their own; '*' is everybody's, for exports of the whole workspace.
  own text := '(SELECT current_setting(''app.member'', true)) IN (''*'', user_id::text)';
  -- Who sees fewer creators than then, does not see what was said of the others.
  scope text := '(SELECT string_to_array(current_setting(''app.creator_scope''), '',''))::uuid[]';
  seen text := '(SELECT current_setting(''app.creator_scope'')) = ''*'' OR (creators <@ ' || scope
    || ' AND (creator_id IS NULL OR creator_id = ANY (' || scope || ')))';
BEGIN
  FOREACH target IN ARRAY ARRAY['ai_chats', 'ai_chat_turns'] LOOP
    CALL protect_tenant_table(target, 'workspace_id', NULL);
    EXECUTE format('CREATE POLICY member_scope ON %I AS RESTRICTIVE TO app USING (%s)'
                   ' WITH CHECK (%s)', target, own, own);
  END LOOP;
  EXECUTE format('CREATE POLICY creator_scope ON ai_chats AS RESTRICTIVE TO app USING (%s)'
                 ' WITH CHECK (%s)', seen, seen);
  seen := 'EXISTS (SELECT FROM ai_chats c WHERE c.workspace_id = ai_chat_turns.workspace_id'
    ' AND c.id = ai_chat_turns.chat_id)';
  EXECUTE format('CREATE POLICY chat_scope ON ai_chat_turns AS RESTRICTIVE TO app USING (%s)'
                 ' WITH CHECK (%s)', seen, seen);
END
$$;

GRANT SELECT, INSERT, UPDATE (turns, asked_at) ON ai_chats TO app;
GRANT SELECT, INSERT ON ai_chat_turns TO app;

CALL open_to_gatekeeper('ai_chats', 'SELECT, DELETE');
CALL open_to_gatekeeper('ai_chat_turns', 'SELECT, DELETE');
GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Forgets what members of the caller's workspace said of a fan by one of these names. Whatever
-- conversation it is in: who forgets the fan need not see it.
CREATE FUNCTION forget_in_chats(words text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  DELETE FROM ai_chat_turns t
   WHERE t.workspace_id = current_setting('app.workspace_id')::uuid
     AND EXISTS (
       SELECT FROM unnest(words) word
        -- As a word of its own: a fan called Al is not in "also".
        WHERE (t.question || ' ' || t.answer)
              ~* ('(^|\W)' || regexp_replace(word, '(\W)', '\\\1', 'g') || '(\W|$)'))
$$;
ALTER FUNCTION forget_in_chats OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION forget_in_chats TO app;

-- What has done its work, of all workspaces.
CREATE OR REPLACE FUNCTION ai_tidy() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  DELETE FROM ai_calls WHERE stored_at < clock_timestamp() - interval '1 day'
     OR (state = 'returned' AND leased_until < clock_timestamp() - interval '1 day');
  DELETE FROM ai_prefix_uses WHERE uses[cardinality(uses)] < clock_timestamp() - interval '1 hour';
  DELETE FROM ai_chats WHERE asked_at < clock_timestamp() - interval '90 days';
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
