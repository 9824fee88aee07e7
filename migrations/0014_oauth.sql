-- Logging in through a provider.

CREATE TABLE oauth_accounts (
  provider text NOT NULL CHECK (provider IN ('google', 'github')),
  -- What the provider calls the person for ever; the address there may change hands.
  subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  linked_at timestamptz NOT NULL,
  PRIMARY KEY (provider, subject),
  UNIQUE (user_id, provider)
);

-- A browser that was sent to a provider. Both secrets are the browser's; only hashes are here.
CREATE TABLE oauth_starts (
  state_hash bytea PRIMARY KEY CHECK (length(state_hash) = 32),
  browser_hash bytea NOT NULL CHECK (length(browser_hash) = 32),
  provider text NOT NULL,
  return_to text NOT NULL CHECK (length(return_to) <= 500),
  -- The session that adds the provider to its account; NULL is somebody who logs in.
  link_session uuid REFERENCES sessions ON DELETE CASCADE,
  expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_starts_expiry ON oauth_starts (expires_at);

GRANT SELECT, INSERT ON oauth_accounts TO identity;
GRANT SELECT, INSERT, DELETE ON oauth_starts TO identity;
