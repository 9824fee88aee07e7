-- The chatbot: for whom it is on, what it knows of fans, what it proposes, and what it hands over.

-- Of each creator; without a row everything is as the defaults say, and off.
CREATE TABLE chatbot_switches (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  -- NULL is off.
  active_since timestamptz,
  activated_by uuid,
  -- A fan who has spent this much in so many days is a person's to answer; NULL: however much.
  spend_ceiling_cents bigint CHECK (spend_ceiling_cents > 0),
  spend_days smallint NOT NULL DEFAULT 30 CHECK (spend_days BETWEEN 1 AND 365),
  min_confidence smallint NOT NULL DEFAULT 50 CHECK (min_confidence BETWEEN 0 AND 100),
  -- Of the style that is in use; NULL is none.
  style_version integer,
  -- Since when no model answers, of which members are told once.
  held_up_since timestamptz,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, creator_id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE,
  CHECK ((active_since IS NULL) = (activated_by IS NULL))
);

-- Campaigns whose replies the chatbot takes, where it is off otherwise.
CREATE TABLE chatbot_campaigns (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  campaign_id uuid NOT NULL,
  activated_by uuid NOT NULL,
  activated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, campaign_id),
  FOREIGN KEY (workspace_id, creator_id, campaign_id)
    REFERENCES campaigns (workspace_id, creator_id, id) ON DELETE CASCADE
);

-- What a creator's own messages have in common, in versions.
CREATE TABLE style_profiles (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  -- As prompts say it.
  style jsonb NOT NULL,
  -- As people are shown it: from how many messages, of when, and what they earned.
  figures jsonb NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, creator_id, version),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE
);
ALTER TABLE chatbot_switches
  ADD FOREIGN KEY (workspace_id, creator_id, style_version) REFERENCES style_profiles;

-- What is known of a fan from the conversation.
CREATE TABLE chat_contexts (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  summary text NOT NULL DEFAULT '' CHECK (length(summary) <= 2000),
  -- Whose words they are; NULL: a model's. A model does not replace a person's.
  summary_by uuid,
  -- Of the last message that was read.
  message_id uuid,
  sentiment text,
  intent text,
  urgency smallint CHECK (urgency BETWEEN 1 AND 5),
  language text CHECK (length(language) <= 120),
  gist text CHECK (length(gist) <= 300),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, fan_id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE
);

CREATE TABLE chat_facts (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  -- What it is about, e.g. pet: there is one fact of each kind.
  name text NOT NULL CHECK (name ~ '^[a-z][a-z_]{0,39}$'),
  text text NOT NULL CHECK (length(text) <= 300),
  -- Where the fan says so; NULL where a person knows it otherwise.
  message_id uuid,
  -- Who wrote it; NULL: a model.
  written_by uuid,
  -- A person does not want it kept: no model brings it back.
  deleted_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, fan_id, name),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  CHECK (message_id IS NOT NULL OR written_by IS NOT NULL),
  CHECK (deleted_at IS NULL OR text = '')
);

-- Messages that wait for an answer of ours, one of each conversation: the newest.
CREATE TABLE reply_tasks (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  message_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'given_up')),
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Who works at it until then; two events of one message ask the model once.
  leased_until timestamptz,
  tries smallint NOT NULL DEFAULT 0,
  -- The refusal's name.
  trouble text CHECK (length(trouble) <= 100),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, conversation_id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE
);
CREATE INDEX reply_tasks_due ON reply_tasks (due_at) WHERE state = 'waiting';
CREATE INDEX reply_tasks_fan ON reply_tasks (workspace_id, fan_id);

-- Replies that wait for a person, and what became of them.
CREATE TABLE reply_drafts (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  -- The newest message of the thread when it was written: with another one it is void.
  based_on uuid NOT NULL,
  based_on_platform_id text NOT NULL,
  text text NOT NULL CHECK (length(text) BETWEEN 1 AND 3000),
  confidence smallint NOT NULL CHECK (confidence BETWEEN 0 AND 100),
  reasons text[] NOT NULL DEFAULT '{}',
  -- Why a person must look at it with care, where something is to be handed over.
  warning text CHECK (length(warning) <= 300),
  generation_id uuid NOT NULL,
  model text NOT NULL,
  prompt_version text NOT NULL,
  review jsonb NOT NULL CHECK (review ->> 'approved' = 'true'),
  requested_by uuid,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  state text NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'approved', 'edited', 'rejected', 'discarded')),
  -- A member; of what went out by itself, the owner who allows that.
  decided_by uuid,
  decided_at timestamptz,
  by_itself boolean NOT NULL DEFAULT false,
  -- Why it was rejected or discarded.
  why text CHECK (length(why) <= 300),
  -- What a person made of it, and how far that is from the draft, in signs.
  final_text text CHECK (length(final_text) BETWEEN 1 AND 3000),
  edit_distance integer CHECK (edit_distance >= 0),
  send_id uuid,
  -- When it was written down how the message ended.
  settled_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, send_id) REFERENCES sends (workspace_id, creator_id, id),
  CHECK ((state = 'pending') = (decided_at IS NULL)),
  CHECK ((state IN ('approved', 'edited')) = (send_id IS NOT NULL)),
  CHECK (state NOT IN ('approved', 'edited', 'rejected') OR decided_by IS NOT NULL),
  CHECK ((state = 'edited') = (final_text IS NOT NULL)),
  CHECK (NOT by_itself OR state = 'approved')
);
-- However often its message is told of.
CREATE UNIQUE INDEX reply_drafts_pending ON reply_drafts (workspace_id, conversation_id)
  WHERE state = 'pending';
CREATE INDEX reply_drafts_newest ON reply_drafts (workspace_id, creator_id, id DESC);
CREATE INDEX reply_drafts_fan ON reply_drafts (workspace_id, fan_id);
CREATE INDEX reply_drafts_send ON reply_drafts (workspace_id, send_id) WHERE send_id IS NOT NULL;
CREATE INDEX reply_drafts_sending ON reply_drafts (decided_at)
  WHERE send_id IS NOT NULL AND settled_at IS NULL;

-- Conversations that a person must take over.
CREATE TABLE chat_handovers (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  message_id uuid NOT NULL,
  topic text NOT NULL CHECK (topic ~ '^[a-z][a-z_]{0,39}$'),
  -- Who says so: the rules, or a model beside them.
  found_by text NOT NULL CHECK (found_by IN ('rules', 'model')),
  reasons text[] NOT NULL DEFAULT '{}',
  generation_id uuid,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at timestamptz,
  resolved_by uuid,
  -- From 1 to 5, if somebody said.
  satisfaction smallint CHECK (satisfaction BETWEEN 1 AND 5),
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  CHECK ((resolved_at IS NULL) = (resolved_by IS NULL))
);
CREATE UNIQUE INDEX chat_handovers_open ON chat_handovers (workspace_id, conversation_id)
  WHERE resolved_at IS NULL;
CREATE INDEX chat_handovers_fan ON chat_handovers (workspace_id, fan_id);

-- Answers that a person wrote beforehand, and when they are given.
CREATE TABLE auto_reply_rules (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  condition jsonb NOT NULL,
  text text NOT NULL CHECK (length(text) BETWEEN 1 AND 3000),
  -- The lower, the earlier it is looked at; the first that fits answers.
  place smallint NOT NULL DEFAULT 100,
  every_hours integer NOT NULL DEFAULT 24 CHECK (every_hours BETWEEN 1 AND 8760),
  enabled boolean NOT NULL,
  written_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX auto_reply_rules_order ON auto_reply_rules (workspace_id, creator_id, place, id);

-- When a rule answered a fan last; the key lets two at a time answer once.
CREATE TABLE auto_replies (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  rule_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  message_id uuid NOT NULL,
  send_id uuid NOT NULL,
  answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, rule_id, fan_id),
  FOREIGN KEY (workspace_id, creator_id, rule_id)
    REFERENCES auto_reply_rules (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, send_id) REFERENCES sends (workspace_id, creator_id, id)
);
CREATE INDEX auto_replies_fan ON auto_replies (workspace_id, fan_id);

-- The words behind the hashes of the audit log's entries of approvals. They can be forgotten; the
-- hashes stay, and say nothing without the salt.
CREATE TABLE approval_texts (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  -- Whose words it may be; NULL: nobody's in particular.
  fan_id uuid,
  -- The target of the entries, e.g. the draft.
  target_id uuid NOT NULL,
  name text NOT NULL CHECK (name ~ '^[a-z][a-z_]{0,39}$'),
  hash text NOT NULL CHECK (length(hash) = 64),
  salt text CHECK (length(salt) = 64),
  text text,
  PRIMARY KEY (workspace_id, target_id, name),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE,
  CHECK ((salt IS NULL) = (text IS NULL))
);
CREATE INDEX approval_texts_fan ON approval_texts (workspace_id, fan_id) WHERE fan_id IS NOT NULL;

-- Let go by nobody but the owner's word, which must still hold when it is granted.
ALTER TABLE sends ADD COLUMN by_itself boolean NOT NULL DEFAULT false;

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    'chatbot_switches', 'chatbot_campaigns', 'style_profiles', 'chat_contexts', 'chat_facts',
    'reply_tasks', 'reply_drafts', 'chat_handovers', 'auto_reply_rules', 'auto_replies',
    'approval_texts'
  ] LOOP
    CALL protect_tenant_table(target, 'workspace_id', 'creator_id');
  END LOOP;
END
$$;
GRANT SELECT, INSERT,
      UPDATE (active_since, activated_by, spend_ceiling_cents, spend_days, min_confidence,
              style_version, held_up_since, updated_at)
  ON chatbot_switches TO app;
GRANT SELECT, INSERT, DELETE ON chatbot_campaigns TO app;
GRANT SELECT, INSERT ON style_profiles TO app;
-- DELETE: with the fan who asked to be forgotten.
GRANT SELECT, INSERT, DELETE,
      UPDATE (summary, summary_by, message_id, sentiment, intent, urgency, language, gist,
              updated_at)
  ON chat_contexts TO app;
GRANT SELECT, INSERT, DELETE, UPDATE (text, message_id, written_by, deleted_at, updated_at)
  ON chat_facts TO app;
GRANT SELECT, INSERT, DELETE,
      UPDATE (message_id, state, due_at, leased_until, tries, trouble) ON reply_tasks TO app;
GRANT SELECT, INSERT, DELETE,
      UPDATE (state, decided_by, decided_at, by_itself, why, final_text, edit_distance, send_id,
              settled_at)
  ON reply_drafts TO app;
GRANT SELECT, INSERT, DELETE, UPDATE (resolved_at, resolved_by, satisfaction)
  ON chat_handovers TO app;
GRANT SELECT, INSERT, DELETE,
      UPDATE (name, condition, text, place, every_hours, enabled, written_by, updated_at)
  ON auto_reply_rules TO app;
GRANT SELECT, INSERT, DELETE, UPDATE (message_id, send_id, answered_at) ON auto_replies TO app;
GRANT SELECT, INSERT, UPDATE (salt, text) ON approval_texts TO app;

CALL open_to_gatekeeper('reply_tasks', 'SELECT');
CALL open_to_gatekeeper('reply_drafts', 'SELECT');
CALL open_to_gatekeeper('ai_configs', 'SELECT');

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Conversations whose message has waited for an answer long enough; not those of workspaces that
-- are to be erased. The sweep then works in each one's own.
CREATE FUNCTION reply_tasks_due(most integer)
RETURNS TABLE (workspace_id uuid, conversation_id uuid, message_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT t.workspace_id, t.conversation_id, t.message_id
    FROM reply_tasks t
   WHERE t.state = 'waiting' AND t.due_at <= clock_timestamp()
     AND (t.leased_until IS NULL OR t.leased_until <= clock_timestamp())
     AND NOT EXISTS (
       SELECT FROM erasures e WHERE e.workspace_id = t.workspace_id AND e.kind = 'workspace'
          AND e.state IN ('scheduled', 'erasing', 'done'))
   ORDER BY t.due_at LIMIT most
$$;
ALTER FUNCTION reply_tasks_due OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION reply_tasks_due TO app;

-- Replies whose messages have ended, of which nothing is written down yet.
CREATE FUNCTION replies_settled(most integer)
RETURNS TABLE (workspace_id uuid, draft_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT d.workspace_id, d.id
    FROM reply_drafts d
    JOIN sends s ON s.workspace_id = d.workspace_id AND s.id = d.send_id
   WHERE d.send_id IS NOT NULL AND d.settled_at IS NULL
     AND s.state IN ('sent', 'not_sent', 'skipped', 'cancelled')
   ORDER BY d.decided_at LIMIT most
$$;
ALTER FUNCTION replies_settled OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION replies_settled TO app;

-- The platform of a creator whose owner lets replies go out by themselves; NULL: nobody does. Who
-- is no owner any more lets nothing go out.
CREATE FUNCTION platform_of_auto_send(workspace uuid, creator uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT c.platform
    FROM ai_configs a
    JOIN creators c ON c.workspace_id = a.workspace_id AND c.id = a.creator_id
    JOIN members m ON m.workspace_id = a.workspace_id AND m.user_id = a.auto_send_by
   WHERE a.workspace_id = workspace AND a.creator_id = creator AND m.role = 'owner'
$$;
ALTER FUNCTION platform_of_auto_send OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION platform_of_auto_send TO worker;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
