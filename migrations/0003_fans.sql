-- Creators, fans, lists, suppressions, money.

CREATE TABLE creators (
  workspace_id uuid NOT NULL REFERENCES workspaces,
  id uuid NOT NULL DEFAULT uuid7(),
  platform text NOT NULL,
  handle text NOT NULL CHECK (length(handle) BETWEEN 1 AND 120),
  display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200),
  time_zone text NOT NULL DEFAULT 'UTC',
  currency char(3) NOT NULL DEFAULT 'USD',
  -- The browser driver is off until a person with the right to do so consents.
  driver_consent_at timestamptz,
  driver_consent_by uuid REFERENCES users,
  -- At most cap_messages of automatic sends to a fan in cap_hours; NULL is no cap.
  cap_messages integer DEFAULT 2 CHECK (cap_messages > 0),
  cap_hours integer NOT NULL DEFAULT 24 CHECK (cap_hours BETWEEN 1 AND 720),
  quiet_from time,
  quiet_until time,
  -- Automatic sends leave a running conversation alone.
  recent_chat_minutes integer NOT NULL DEFAULT 0 CHECK (recent_chat_minutes BETWEEN 0 AND 10080),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (id),
  UNIQUE (workspace_id, platform, handle),
  CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);

CREATE TABLE fans (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  -- NULL is unmatched: known to the CRM, not yet to the platform; never sent to.
  platform_id text CHECK (length(platform_id) BETWEEN 1 AND 200),
  -- HMAC of creator and platform id under the workspace's suppression key.
  platform_key bytea,
  handle text NOT NULL CHECK (length(handle) BETWEEN 1 AND 200),
  display_name text CHECK (length(display_name) <= 200),
  email text CHECK (length(email) <= 254),
  status text NOT NULL DEFAULT 'follower' CHECK (status IN ('active', 'expired', 'follower')),
  tier text NOT NULL DEFAULT 'free' CHECK (length(tier) BETWEEN 1 AND 60),
  price_cents bigint CHECK (price_cents >= 0),
  rebill_on boolean,
  subscribed_at timestamptz,
  renewed_at timestamptz,
  expires_at timestamptz,
  last_seen_at timestamptz,
  time_zone text,
  language text CHECK (length(language) <= 35),
  notes text CHECK (length(notes) <= 10000),
  -- False: has asked for no messages. NULL: the platform's own relation stands.
  consent boolean,
  blocked_at timestamptz,
  -- Erased on request: personal fields are emptied, money rows and the suppression stay.
  erased_at timestamptz,
  extra jsonb NOT NULL DEFAULT '{}',
  -- What searches compare with. Columns, not expression indexes: lower() is not leakproof, so under
  -- row level security an index on it is never used; the comparisons of stored text are.
  handle_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(handle)) STORED,
  name_key text COLLATE "C" GENERATED ALWAYS AS (lower(display_name)) STORED,
  -- Sum of net transactions, kept by the money module in the transaction that adds one.
  value_cents bigint NOT NULL DEFAULT 0,
  last_purchase_at timestamptz,
  last_inbound_at timestamptz,
  last_outbound_at timestamptz,
  -- Fixed random draw for shares and samples, 0..9999.
  bucket smallint NOT NULL DEFAULT floor(random() * 10000)::smallint CHECK (bucket BETWEEN 0 AND 9999),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, platform_id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id),
  -- An erased fan keeps the key alone: it tells a later import whom not to store again.
  CHECK (platform_key IS NOT NULL OR platform_id IS NULL),
  CHECK (platform_id IS NULL OR erased_at IS NULL)
);
-- Every list is of one creator, and erased fans are in none: with the condition in the index, a
-- count needs the index alone.
CREATE INDEX fans_newest ON fans (workspace_id, creator_id, created_at DESC, id DESC)
  WHERE erased_at IS NULL;
CREATE INDEX fans_status ON fans (workspace_id, creator_id, status, created_at DESC, id DESC)
  WHERE erased_at IS NULL;
CREATE INDEX fans_tier ON fans (workspace_id, creator_id, tier, created_at DESC, id DESC)
  WHERE erased_at IS NULL AND tier <> 'free';
CREATE INDEX fans_value ON fans (workspace_id, creator_id, value_cents DESC, id DESC)
  WHERE erased_at IS NULL;
CREATE INDEX fans_handle ON fans (workspace_id, creator_id, handle_key) WHERE erased_at IS NULL;
CREATE INDEX fans_name ON fans (workspace_id, creator_id, name_key)
  WHERE erased_at IS NULL AND name_key IS NOT NULL;
CREATE UNIQUE INDEX fans_erased ON fans (workspace_id, creator_id, platform_key)
  WHERE erased_at IS NOT NULL;
-- What a sync or an import may link by handle.
CREATE INDEX fans_unmatched ON fans (workspace_id, creator_id, handle_key)
  WHERE platform_id IS NULL AND erased_at IS NULL;

CREATE TABLE fan_tags (
  workspace_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  tag text NOT NULL CHECK (length(tag) BETWEEN 1 AND 60),
  PRIMARY KEY (workspace_id, fan_id, tag),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE
);
CREATE INDEX fan_tags_tag ON fan_tags (workspace_id, creator_id, tag, fan_id);

CREATE TABLE fan_lists (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  UNIQUE (workspace_id, creator_id, name),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
);

CREATE TABLE fan_list_members (
  workspace_id uuid NOT NULL,
  list_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, list_id, fan_id),
  FOREIGN KEY (workspace_id, creator_id, list_id)
    REFERENCES fan_lists (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE
);
CREATE INDEX fan_list_members_fan ON fan_list_members (workspace_id, fan_id);

-- No import clears a suppression, and erasing a fan leaves it standing.
CREATE TABLE suppressions (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  platform_key bytea NOT NULL,
  reason text NOT NULL CHECK (reason IN ('stop_word', 'block', 'erasure', 'manual')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by uuid,
  PRIMARY KEY (workspace_id, platform_key),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
);

CREATE TABLE transactions (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  transaction_id text NOT NULL CHECK (length(transaction_id) BETWEEN 1 AND 200),
  type text NOT NULL CHECK (
    type IN ('subscription', 'tip', 'message', 'post', 'stream', 'refund', 'chargeback')),
  -- As reported, all of zero or more; the sign is the type's. What a reversal took from the
  -- fan's value is effective_cents.
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  fee_cents bigint NOT NULL CHECK (fee_cents >= 0),
  net_cents bigint NOT NULL CHECK (net_cents >= 0),
  -- What this row adds to the fan's value: net of a payment; minus the payment's net for the one
  -- reversal that counts; 0 for a reversal whose payment is unknown yet or already reversed.
  effective_cents bigint NOT NULL,
  currency char(3) NOT NULL,
  created_at timestamptz NOT NULL,
  reverses text,
  description text CHECK (length(description) <= 1000),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, transaction_id),
  FOREIGN KEY (workspace_id, creator_id, fan_id) REFERENCES fans (workspace_id, creator_id, id),
  CHECK ((reverses IS NOT NULL) = (type IN ('refund', 'chargeback')))
);
CREATE INDEX transactions_fan ON transactions (workspace_id, fan_id, created_at DESC);
CREATE INDEX transactions_newest ON transactions (workspace_id, creator_id, created_at DESC, id DESC);
CREATE INDEX transactions_reverses ON transactions (workspace_id, creator_id, reverses)
  WHERE reverses IS NOT NULL;

CREATE TABLE imports (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('fans', 'transactions')),
  status text NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  rows_read bigint NOT NULL DEFAULT 0,
  rows_created bigint NOT NULL DEFAULT 0,
  rows_updated bigint NOT NULL DEFAULT 0,
  rows_unchanged bigint NOT NULL DEFAULT 0,
  rows_rejected bigint NOT NULL DEFAULT 0,
  -- [{"line": 7, "reason": "…"}], the first thousand; the count above is complete.
  rejected jsonb NOT NULL DEFAULT '[]',
  failure text,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
);

CREATE TABLE segments (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  rules jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  UNIQUE (workspace_id, creator_id, name),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
);

CREATE TABLE media (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  -- The item in the creator's vault on the platform.
  platform_media_id text NOT NULL CHECK (length(platform_media_id) BETWEEN 1 AND 200),
  kind text NOT NULL CHECK (kind IN ('photo', 'video', 'audio')),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  UNIQUE (workspace_id, creator_id, platform_media_id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id)
);

DO $$
DECLARE
  target text;
BEGIN
  CALL protect_tenant_table('creators', 'workspace_id', 'id');
  FOREACH target IN ARRAY ARRAY[
    'fans', 'fan_tags', 'fan_lists', 'fan_list_members', 'suppressions', 'transactions', 'imports',
    'segments', 'media'
  ] LOOP
    CALL protect_tenant_table(target, 'workspace_id', 'creator_id');
  END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON creators, fans, fan_tags, fan_lists, fan_list_members,
  segments, media TO app;
GRANT SELECT, INSERT, UPDATE ON transactions, imports TO app;
GRANT SELECT, INSERT, DELETE ON suppressions TO app;
GRANT SELECT ON creators, media TO worker;
-- Syncs store what a platform says of its fans, and nothing that is people's to say.
GRANT SELECT,
  INSERT (workspace_id, creator_id, platform_id, platform_key, handle, display_name, status,
          price_cents, rebill_on, subscribed_at, expires_at, extra),
  UPDATE (platform_id, platform_key, handle, display_name, status, price_cents, rebill_on,
          subscribed_at, expires_at, extra, updated_at, last_inbound_at, last_outbound_at,
          blocked_at, value_cents, last_purchase_at)
  ON fans TO worker;
GRANT SELECT,
  INSERT (workspace_id, creator_id, fan_id, transaction_id, type, amount_cents, fee_cents,
          net_cents, effective_cents, currency, created_at, reverses, description),
  UPDATE (fan_id, type, amount_cents, fee_cents, net_cents, effective_cents, currency, created_at,
          reverses, description)
  ON transactions TO worker;
GRANT SELECT, INSERT ON suppressions TO worker;
