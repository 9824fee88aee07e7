-- What a workspace tells about itself while it sets up, and how far it has come.

CREATE TABLE user_profiles (
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 120),
  bio text NOT NULL DEFAULT '' CHECK (length(bio) <= 2000),
  time_zone text NOT NULL DEFAULT 'UTC' CHECK (length(time_zone) <= 60),
  language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'fr')),
  niche text CHECK (length(niche) BETWEEN 1 AND 80),
  goals text[] NOT NULL DEFAULT '{}' CHECK (cardinality(goals) <= 10),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, user_id),
  FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE
);

-- How the assistant writes for one creator. `creator_id` is NULL for what was said before there was
-- a creator: the first one takes it over.
CREATE TABLE ai_configs (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid,
  personality text NOT NULL CHECK (length(personality) BETWEEN 1 AND 2000),
  response_style text NOT NULL
    CHECK (response_style IN ('friendly', 'flirty', 'professional', 'playful', 'concise')),
  platforms text[] NOT NULL DEFAULT '{}' CHECK (cardinality(platforms) <= 10),
  -- [{"when": …, "reply": …}], what the creator wants said word by word.
  custom_responses jsonb NOT NULL DEFAULT '[]'
    CHECK (jsonb_typeof(custom_responses) = 'array' AND jsonb_array_length(custom_responses) <= 50),
  updated_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE NULLS NOT DISTINCT (workspace_id, creator_id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE
);

-- The creator that onboarding connects, and its end. Whether a step is done is read from what the
-- step has written.
CREATE TABLE onboardings (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces,
  creator_id uuid,
  completed_at timestamptz,
  completed_by uuid,
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
    ON DELETE SET NULL (creator_id)
);

CALL protect_tenant_table('user_profiles', 'workspace_id', NULL);
CALL protect_tenant_table('ai_configs', 'workspace_id', 'creator_id');
CALL protect_tenant_table('onboardings', 'workspace_id', 'creator_id');
GRANT SELECT, INSERT, UPDATE ON user_profiles, ai_configs, onboardings TO app;
