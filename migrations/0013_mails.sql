-- Mails, the links in them, and whose an address is.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mailer') THEN
    CREATE ROLE mailer LOGIN NOINHERIT NOCREATEDB NOCREATEROLE;
  END IF;
END
$$;
GRANT USAGE ON SCHEMA public TO mailer;

-- An address is nobody's until it is verified: registering one that somebody has looks the same
-- from outside, and keeps nobody from theirs.
ALTER TABLE users DROP CONSTRAINT users_email_key;
CREATE UNIQUE INDEX users_verified_email ON users (email) WHERE email_verified_at IS NOT NULL;
CREATE INDEX users_email ON users (email, created_at DESC);
-- Who comes by a mailed link or through a provider may have none.
ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;
ALTER TABLE users ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'fr'));

-- One row a mail, written in the transaction of its cause; the queue carries ids alone. To whom it
-- goes and what it says is settled when it is sent: whoever asks for a mail to an address causes
-- the same row whether or not somebody has it.
CREATE TABLE mails (
  id uuid PRIMARY KEY,
  template text NOT NULL CHECK (length(template) BETWEEN 1 AND 60),
  user_id uuid REFERENCES users ON DELETE CASCADE,
  address text CHECK (length(address) <= 254),
  parameters jsonb NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'planned'
    CHECK (state IN ('planned', 'sending', 'sent', 'dropped', 'failed')),
  attempts smallint NOT NULL DEFAULT 0,
  leased_until timestamptz,
  -- Why it was dropped or has failed.
  outcome text CHECK (length(outcome) <= 200),
  ses_message_id text UNIQUE,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  settled_at timestamptz,
  CHECK ((user_id IS NULL) <> (address IS NULL)),
  CHECK ((state = 'sent') = (ses_message_id IS NOT NULL))
);
CREATE INDEX mails_open ON mails (created_at) WHERE state IN ('planned', 'sending');
CREATE INDEX mails_user ON mails (user_id);

-- What a mailed link proves. Only its hash is here; the link itself is in the mail and nowhere else.
CREATE TABLE account_tokens (
  token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
  purpose text NOT NULL CHECK (purpose IN ('verify_email', 'magic_link', 'reset_password')),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  -- The address that the link went to: it proves this one and no other.
  email text NOT NULL,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX account_tokens_user ON account_tokens (user_id, purpose);

-- What strangers have asked for lately, by whom it concerns; for limits that outlive a function.
CREATE TABLE identity_requests (
  id uuid PRIMARY KEY DEFAULT uuid7(),
  subject text NOT NULL CHECK (length(subject) <= 320),
  requested_at timestamptz NOT NULL
);
CREATE INDEX identity_requests_subject ON identity_requests (subject, requested_at DESC);

GRANT SELECT, INSERT, DELETE ON identity_requests TO identity;
GRANT INSERT (id, template, user_id, address, parameters) ON mails TO identity;
GRANT SELECT, UPDATE, DELETE ON account_tokens TO identity;

-- `mailer` sends: it knows addresses and makes links, but sees no password and opens no session.
GRANT SELECT, UPDATE (state, attempts, leased_until, outcome, ses_message_id, settled_at)
  ON mails TO mailer;
GRANT INSERT ON account_tokens TO mailer;
GRANT SELECT (id, email, name, language, email_verified_at, created_at) ON users TO mailer;
CREATE POLICY mailer ON users FOR SELECT TO mailer USING (true);
