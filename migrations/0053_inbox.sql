-- What people do with conversations: hiding, searching, taking back; and what a message has sold.

-- Out of every list until the fan writes again; nothing of it is deleted.
ALTER TABLE conversations
  ADD COLUMN hidden_at timestamptz CHECK (hidden_at IS NULL OR state = 'done'),
  -- The place in a list: one that somebody has just opened has no message yet.
  ADD COLUMN moved_at timestamptz NOT NULL
    GENERATED ALWAYS AS (coalesce(last_message_at, created_at)) STORED;
DROP INDEX conversations_newest;
DROP INDEX conversations_state;
CREATE INDEX conversations_newest ON conversations (workspace_id, creator_id, moved_at DESC, id DESC)
  WHERE hidden_at IS NULL;
CREATE INDEX conversations_state
  ON conversations (workspace_id, creator_id, state, moved_at DESC, id DESC) WHERE hidden_at IS NULL;
CREATE INDEX conversations_unread
  ON conversations (workspace_id, creator_id, moved_at DESC, id DESC)
  WHERE unread > 0 AND hidden_at IS NULL;

-- Each word behind a mark of its creator: a search reads the words of one creator alone, however many
-- messages all the others have. Longer ones are no words, and an index entry has an end.
CREATE FUNCTION message_words(creator uuid, written text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT array_to_tsvector(ARRAY(
    SELECT right(creator::text, 12) || word
      FROM unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', fold_text(written)))) word
     WHERE length(word) <= 100))
$$;
GRANT EXECUTE ON FUNCTION message_words TO app, worker, gatekeeper;
ALTER TABLE messages
  ADD COLUMN words tsvector GENERATED ALWAYS AS (message_words(creator_id, text)) STORED;
CREATE INDEX messages_words ON messages USING gin (words);
-- Of a creator: common words newest first, and figures of some days.
CREATE INDEX messages_newest ON messages (workspace_id, creator_id, sent_at DESC, id DESC);

-- Replies that are under way or came to nothing, beside the messages of a thread.
CREATE INDEX sends_fan_direct ON sends (workspace_id, fan_id, id)
  WHERE campaign_id IS NULL AND state <> 'sent';

-- A message is taken back once, however often that is asked for.
UPDATE creator_commands c SET state = 'failed', finished_at = clock_timestamp(),
       result = '{"detail": "ordered twice"}'
 WHERE c.kind = 'unsend' AND c.state IN ('waiting', 'running') AND EXISTS (
   SELECT FROM creator_commands o
    WHERE o.workspace_id = c.workspace_id AND o.creator_id = c.creator_id AND o.kind = 'unsend'
      AND o.state IN ('waiting', 'running') AND o.payload ->> 'send_id' = c.payload ->> 'send_id'
      AND o.id < c.id);
CREATE UNIQUE INDEX creator_commands_unsend
  ON creator_commands (workspace_id, creator_id, (payload ->> 'send_id'))
  WHERE kind = 'unsend' AND state IN ('waiting', 'running');

-- Which message a payment was for, as the platform says.
ALTER TABLE transactions
  ADD COLUMN platform_message_id text CHECK (length(platform_message_id) BETWEEN 1 AND 200);
CREATE INDEX transactions_message ON transactions (workspace_id, creator_id, platform_message_id)
  WHERE platform_message_id IS NOT NULL;
GRANT INSERT (platform_message_id), UPDATE (platform_message_id) ON transactions TO worker;
CREATE INDEX media_grants_send ON media_grants (workspace_id, send_id);
GRANT UPDATE (state) ON media_grants TO worker;

GRANT CREATE ON SCHEMA public TO gatekeeper;
CALL open_to_gatekeeper('conversations', 'SELECT, UPDATE');
CALL open_to_gatekeeper('messages', 'SELECT');

-- `@@` is not leakproof: under row level security no index on words is used. So the function itself
-- looks at nothing but the caller's workspace, and a creator whom the caller may see.
CREATE FUNCTION search_messages(
  asked text, in_creator uuid, in_conversation uuid, before_at timestamptz, before_id uuid,
  most integer)
RETURNS TABLE (id uuid, sent_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  scope text := current_setting('app.creator_scope');
  wanted tsquery;
BEGIN
  IF scope <> '*' AND NOT in_creator = ANY (string_to_array(scope, ',')::uuid[]) THEN
    RETURN;
  END IF;
  -- From three letters on, the beginning of a word is enough.
  SELECT string_agg(
           '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || ''''
           || CASE WHEN length(lexeme) >= 12 + 3 THEN ':*' ELSE '' END, ' & ')::tsquery
    INTO wanted
    FROM unnest(tsvector_to_array(message_words(in_creator, asked))) lexeme;
  IF wanted IS NULL THEN
    RETURN;
  END IF;
  -- Planned anew for each question: a rare word is read from its index, a common one newest first.
  RETURN QUERY EXECUTE
    'SELECT m.id, m.sent_at FROM messages m'
    ' WHERE m.workspace_id = $1 AND m.creator_id = $2 AND m.words @@ $3'
    || CASE WHEN in_conversation IS NULL THEN '' ELSE ' AND m.conversation_id = $4' END
    || CASE WHEN before_at IS NULL THEN '' ELSE ' AND (m.sent_at, m.id) < ($5, $6)' END
    || ' ORDER BY m.sent_at DESC, m.id DESC LIMIT $7'
    USING current_setting('app.workspace_id')::uuid, in_creator, wanted, in_conversation,
          before_at, before_id, most;
END
$$;
ALTER FUNCTION search_messages OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION search_messages TO app;

-- Those whose time has come stand open again, whatever their workspace.
CREATE FUNCTION wake_snoozed_conversations() RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  WITH woken AS (
    UPDATE conversations SET state = 'open', snoozed_until = NULL, updated_at = clock_timestamp()
     WHERE state = 'snoozed' AND snoozed_until <= clock_timestamp()
    RETURNING 1)
  SELECT count(*)::integer FROM woken
$$;
ALTER FUNCTION wake_snoozed_conversations OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION wake_snoozed_conversations TO relay;
REVOKE CREATE ON SCHEMA public FROM gatekeeper;
