-- How agents write for a creator, what they wrote, and who decided about it.

ALTER TABLE ai_configs
  -- NULL: the language of the profile of whoever wrote the configuration.
  ADD COLUMN language text CHECK (language IN ('en', 'fr')),
  ADD COLUMN forbidden_topics text[] NOT NULL DEFAULT '{}' CHECK (cardinality(forbidden_topics) <= 50),
  -- How the creator says that AI helps.
  ADD COLUMN disclosure text CHECK (length(disclosure) BETWEEN 1 AND 300),
  -- The owner who lets replies go out without a person's approval, and since when; NULL: nobody does.
  ADD COLUMN auto_send_by uuid,
  ADD COLUMN auto_send_at timestamptz,
  ADD CONSTRAINT ai_configs_auto_send_is_somebodys
    CHECK ((auto_send_by IS NULL) = (auto_send_at IS NULL)),
  ADD CONSTRAINT ai_configs_auto_send_is_of_a_creator
    CHECK (auto_send_by IS NULL OR creator_id IS NOT NULL);

-- Which texts the prompt was made of, e.g. content-1/common-1.
ALTER TABLE ai_generations ADD COLUMN prompt_version text;

CREATE OR REPLACE FUNCTION ai_open(workspace uuid, opening jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM ai_enter(workspace);
  INSERT INTO ai_generations (workspace_id, id, creator_id, campaign_id, task, agent, complexity,
                              critical, prompt_version, tier, reason, hops)
  SELECT workspace, o.id, o.creator_id, o.campaign_id, o.task, o.agent, o.complexity, o.critical,
         o.prompt_version, o.tier, o.reason, o.hops
    FROM jsonb_to_record(opening) AS o(id uuid, creator_id uuid, campaign_id uuid, task text,
         agent text, complexity smallint, critical boolean, prompt_version text, tier text,
         reason text, hops text[])
      ON CONFLICT (workspace_id, id) DO UPDATE
     SET tier = excluded.tier, reason = excluded.reason, hops = excluded.hops;
END
$$;

-- What agents wrote and both checks approved; anything else is not kept. A row is the record of an
-- approval, too: what was proposed, by which model, what the checks said, who decided, and what it
-- became.
CREATE TABLE ai_drafts (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  generation_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('idea', 'caption', 'hashtags', 'post', 'text')),
  platform text NOT NULL,
  title text CHECK (length(title) BETWEEN 1 AND 200),
  body text NOT NULL CHECK (length(body) BETWEEN 1 AND 10000),
  details jsonb NOT NULL DEFAULT '{}',
  model text NOT NULL,
  prompt_version text NOT NULL,
  -- What the checks said: {"approved": true, "reasons": […], "generation_id": …, "model": …, …}.
  review jsonb NOT NULL CHECK (review ->> 'approved' = 'true'),
  requested_by uuid,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  decision text CHECK (decision IN ('accepted', 'edited', 'rejected')),
  decided_by uuid,
  decided_at timestamptz,
  -- What a person made of it; NULL where they took it as it was.
  final_body text CHECK (length(final_body) BETWEEN 1 AND 10000),
  -- The item that it became.
  media_id uuid,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id, media_id) REFERENCES media (workspace_id, creator_id, id)
    ON DELETE SET NULL (media_id),
  CHECK ((decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by IS NULL)),
  CHECK ((final_body IS NOT NULL) = (decision IS NOT NULL AND decision = 'edited')),
  CHECK (media_id IS NULL OR decision IN ('accepted', 'edited'))
);
CREATE INDEX ai_drafts_newest ON ai_drafts (workspace_id, creator_id, id DESC);

CALL protect_tenant_table('ai_drafts', 'workspace_id', 'creator_id');
GRANT SELECT, INSERT, UPDATE (decision, decided_by, decided_at, final_body, media_id)
  ON ai_drafts TO app;
