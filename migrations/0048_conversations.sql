-- The inbox: a conversation for each fan who was written to or has written, and the messages in it
-- as the platform shows them.

CREATE TABLE conversations (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  -- open: somebody should look; waiting: the fan has the next word; snoozed: not before a moment;
  -- done: nothing is left to say. A message of the fan's opens it again.
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('open', 'waiting', 'snoozed', 'done')),
  snoozed_until timestamptz,
  -- Messages of the fan's that nobody has marked as read.
  unread integer NOT NULL DEFAULT 0 CHECK (unread >= 0),
  -- The fan's first message after our last answer; NULL: there is nothing to answer.
  waiting_since timestamptz,
  -- Who is answered first: since when the fan waits, moved ahead by what the fan is worth.
  answer_from timestamptz,
  -- No key: messages point here, and whole workspaces are deleted table by table.
  last_message_id uuid,
  last_message_at timestamptz,
  last_inbound_at timestamptz,
  last_outbound_at timestamptz,
  -- Of a sync: the newest message as the list of chats shows it, and the newest that is stored.
  listed_message_id text CHECK (length(listed_message_id) <= 200),
  listed_at timestamptz,
  stored_message_id text CHECK (length(stored_message_id) <= 200),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  UNIQUE (workspace_id, creator_id, fan_id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  CHECK ((state = 'snoozed') = (snoozed_until IS NOT NULL)),
  CHECK ((waiting_since IS NULL) = (answer_from IS NULL))
);
CREATE INDEX conversations_newest ON conversations (workspace_id, creator_id, last_message_at DESC, id DESC);
CREATE INDEX conversations_state
  ON conversations (workspace_id, creator_id, state, last_message_at DESC, id DESC);
CREATE INDEX conversations_to_answer ON conversations (workspace_id, creator_id, answer_from, id)
  WHERE state = 'open' AND answer_from IS NOT NULL;
CREATE INDEX conversations_snoozed ON conversations (snoozed_until) WHERE state = 'snoozed';
CREATE INDEX conversations_to_read ON conversations (creator_id, listed_at)
  WHERE listed_message_id IS DISTINCT FROM stored_message_id;

CREATE TABLE messages (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  platform_message_id text NOT NULL CHECK (length(platform_message_id) BETWEEN 1 AND 200),
  -- in: the fan wrote it; out: the creator, or whoever writes for them.
  direction text NOT NULL CHECK (direction IN ('in', 'out')),
  text text NOT NULL CHECK (length(text) <= 20000),
  price_cents bigint NOT NULL DEFAULT 0 CHECK (price_cents >= 0),
  -- When it was first seen that the fan has paid the price.
  paid_at timestamptz,
  tip_cents bigint NOT NULL DEFAULT 0 CHECK (tip_cents >= 0),
  -- Ids of the platform.
  media text[] NOT NULL DEFAULT '{}',
  -- The platform's time; ours until the platform has shown it.
  sent_at timestamptz NOT NULL,
  -- A message of the fan's: when somebody saw or answered it.
  read_at timestamptz,
  -- A message of ours: the ledger's row, and whether nobody wrote it for this fan alone.
  send_id uuid,
  automatic boolean NOT NULL DEFAULT false,
  unsent_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  UNIQUE (workspace_id, creator_id, platform_message_id),
  FOREIGN KEY (workspace_id, creator_id, conversation_id)
    REFERENCES conversations (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, send_id)
    REFERENCES sends (workspace_id, creator_id, id),
  CHECK (send_id IS NULL OR direction = 'out'),
  CHECK (NOT automatic OR direction = 'out'),
  CHECK (read_at IS NULL OR direction = 'in')
);
CREATE INDEX messages_thread ON messages (workspace_id, conversation_id, sent_at DESC, id DESC);
CREATE INDEX messages_unread ON messages (workspace_id, conversation_id)
  WHERE direction = 'in' AND read_at IS NULL;
CREATE INDEX messages_fan ON messages (workspace_id, fan_id);
CREATE UNIQUE INDEX messages_send ON messages (workspace_id, send_id) WHERE send_id IS NOT NULL;

CREATE TABLE conversation_labels (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  label text NOT NULL CHECK (length(label) BETWEEN 1 AND 60),
  PRIMARY KEY (workspace_id, conversation_id, label),
  FOREIGN KEY (workspace_id, creator_id, conversation_id)
    REFERENCES conversations (workspace_id, creator_id, id) ON DELETE CASCADE
);
CREATE INDEX conversation_labels_label
  ON conversation_labels (workspace_id, creator_id, label, conversation_id);

CREATE TABLE conversation_notes (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  author_id uuid NOT NULL,
  text text NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id, conversation_id)
    REFERENCES conversations (workspace_id, creator_id, id) ON DELETE CASCADE
);
CREATE INDEX conversation_notes_of ON conversation_notes (workspace_id, conversation_id, id DESC);

-- Texts that a member puts into a reply.
CREATE TABLE quick_replies (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  -- NULL: for every creator.
  creator_id uuid,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
  text text NOT NULL CHECK (length(text) BETWEEN 1 AND 3000),
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE NULLS NOT DISTINCT (workspace_id, creator_id, name),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE
);

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    'conversations', 'messages', 'conversation_labels', 'conversation_notes'
  ] LOOP
    CALL protect_tenant_table(target, 'workspace_id', 'creator_id');
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON %I TO app', target);
  END LOOP;
END
$$;
DO $$
DECLARE
  every text := '(SELECT current_setting(''app.creator_scope'')) = ''*''';
  seen text := every || ' OR creator_id IS NULL OR creator_id = ANY'
    ' ((SELECT string_to_array(current_setting(''app.creator_scope''), '',''))::uuid[])';
  -- What is for every creator is everybody's to use, and theirs to change who see every creator.
  own text := every || ' OR creator_id IS NOT NULL';
BEGIN
  CALL protect_tenant_table('quick_replies', 'workspace_id', NULL);
  EXECUTE format('CREATE POLICY creator_scope ON quick_replies AS RESTRICTIVE TO app USING (%s)'
                 ' WITH CHECK (%s)', seen, seen);
  EXECUTE format('CREATE POLICY wide_insert ON quick_replies AS RESTRICTIVE FOR INSERT TO app'
                 ' WITH CHECK (%s)', own);
  EXECUTE format('CREATE POLICY wide_update ON quick_replies AS RESTRICTIVE FOR UPDATE TO app'
                 ' USING (%s) WITH CHECK (%s)', own, own);
  EXECUTE format('CREATE POLICY wide_delete ON quick_replies AS RESTRICTIVE FOR DELETE TO app'
                 ' USING (%s)', own);
END
$$;

GRANT UPDATE ON conversations TO app, worker;
GRANT UPDATE (text, price_cents, paid_at, tip_cents, media, sent_at, read_at, send_id, automatic, unsent_at)
  ON messages TO app, worker;
GRANT SELECT, INSERT ON conversations, messages TO worker;
GRANT SELECT, INSERT, DELETE, UPDATE (creator_id, name, text, updated_at) ON quick_replies TO app;
-- The newest message that a reply answers: with another one in the thread, it is not sent.
ALTER TABLE sends ADD COLUMN expected_message_id text CHECK (length(expected_message_id) <= 200);
-- A message that a sync finds is the ledger's, if the platform's id says so.
CREATE INDEX sends_platform_message ON sends (workspace_id, creator_id, platform_message_id)
  WHERE platform_message_id IS NOT NULL;
