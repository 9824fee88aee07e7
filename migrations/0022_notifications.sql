-- Notifications of members, what they want to hear of, what becomes of mails, settings.

-- What SES tells of a mail afterwards, in any order; and mails that were not sent because the
-- address takes none.
ALTER TABLE mails
  DROP CONSTRAINT mails_state_check,
  ADD CONSTRAINT mails_state_check
    CHECK (state IN ('planned', 'sending', 'sent', 'dropped', 'suppressed', 'failed')),
  ADD COLUMN delivery text
    CHECK (delivery IN ('delayed', 'rejected', 'delivered', 'bounced', 'complained')),
  ADD COLUMN delivery_detail text CHECK (length(delivery_detail) <= 200),
  ADD COLUMN delivery_at timestamptz;

-- Addresses, of whoever has them: only a hash, which knows an address again and tells none.
CREATE TABLE undeliverable_addresses (
  address_hash bytea PRIMARY KEY CHECK (length(address_hash) = 32),
  -- The mailbox is not there, or takes nothing from us.
  bounced_at timestamptz,
  -- Somebody there called a mail of ours unwanted.
  complained_at timestamptz,
  detail text NOT NULL CHECK (length(detail) <= 200),
  mail_id uuid,
  CHECK (bounced_at IS NOT NULL OR complained_at IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE ON undeliverable_addresses TO mailer;
GRANT UPDATE (delivery, delivery_detail, delivery_at) ON mails TO mailer;

-- What the workspace's new creators and invitations begin with.
CREATE TABLE workspace_settings (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces,
  time_zone text NOT NULL DEFAULT 'UTC' CHECK (length(time_zone) <= 60),
  language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'fr')),
  cap_messages integer DEFAULT 2 CHECK (cap_messages > 0),
  cap_hours integer NOT NULL DEFAULT 24 CHECK (cap_hours BETWEEN 1 AND 720),
  quiet_from time,
  quiet_until time,
  recent_chat_minutes integer NOT NULL DEFAULT 0 CHECK (recent_chat_minutes BETWEEN 0 AND 10080),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);

CREATE TABLE notification_preferences (
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  -- {"creator_stopped": {"in_app": true, "email": false}, …}; for a kind that is missing the
  -- product's own choice stands.
  channels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(channels) = 'object'),
  -- False: no mail of any notification, whatever else is chosen.
  emails boolean NOT NULL DEFAULT true,
  digest text NOT NULL DEFAULT 'off' CHECK (digest IN ('off', 'daily', 'weekly')),
  digest_hour smallint NOT NULL DEFAULT 9 CHECK (digest_hour BETWEEN 0 AND 23),
  -- Digests that were due until then are made or were not wanted yet.
  digested_until timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- NULL: to be computed, because what it follows from has changed.
  next_digest_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, user_id),
  FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX notification_preferences_due ON notification_preferences (next_digest_at NULLS FIRST)
  WHERE digest <> 'off' AND emails;

-- One digest for a member and a day of their calendar, whatever happens.
CREATE TABLE notification_digests (
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  period date NOT NULL,
  mail_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, user_id, period),
  FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE
);

CREATE TABLE notifications (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  user_id uuid NOT NULL,
  -- Of the outbox.
  event_id uuid NOT NULL,
  kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
  creator_id uuid,
  target_kind text NOT NULL CHECK (length(target_kind) <= 60),
  target_id uuid NOT NULL,
  -- What it is called: a creator, a campaign, a person.
  about text CHECK (length(about) <= 200),
  facts jsonb NOT NULL DEFAULT '{}',
  -- False: the member wants a mail only; the row keeps a repeated event from a second one.
  in_app boolean NOT NULL,
  read_at timestamptz,
  -- Its own mail, and the digest that told of it.
  mail_id uuid,
  digest_period date,
  happened_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  -- However often an event comes.
  UNIQUE (workspace_id, user_id, event_id),
  FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, user_id, digest_period) REFERENCES notification_digests
    ON DELETE CASCADE
);
CREATE INDEX notifications_newest ON notifications (workspace_id, user_id, id DESC) WHERE in_app;
CREATE INDEX notifications_unread ON notifications (workspace_id, user_id, id DESC)
  WHERE in_app AND read_at IS NULL;
CREATE INDEX notifications_creator ON notifications (workspace_id, creator_id);
CREATE INDEX notifications_digest ON notifications (workspace_id, user_id, digest_period);

DO $$
DECLARE
  target text;
  -- A member sees what is their own; '*' is everybody's, for those who tell members of events.
  own text := '(SELECT current_setting(''app.member'', true)) IN (''*'', user_id::text)';
  of_creator text :=
    'creator_id IS NULL OR (SELECT current_setting(''app.creator_scope'')) = ''*'' OR creator_id ='
    ' ANY ((SELECT string_to_array(current_setting(''app.creator_scope''), '',''))::uuid[])';
BEGIN
  FOREACH target IN ARRAY ARRAY[
    'notification_preferences', 'notification_digests', 'notifications'
  ] LOOP
    CALL protect_tenant_table(target, 'workspace_id', NULL);
    EXECUTE format('CREATE POLICY member_scope ON %I AS RESTRICTIVE TO app USING (%s)'
                   ' WITH CHECK (%s)', target, own, own);
  END LOOP;
  -- What is of no creator is for all of them.
  EXECUTE format('CREATE POLICY creator_scope ON notifications AS RESTRICTIVE TO app USING (%s)'
                 ' WITH CHECK (%s)', of_creator, of_creator);
  CALL protect_tenant_table('workspace_settings', 'workspace_id', NULL);
END
$$;

GRANT SELECT, INSERT, UPDATE ON workspace_settings, notification_preferences TO app;
GRANT SELECT, INSERT ON notification_digests TO app;
GRANT SELECT, INSERT, UPDATE (read_at, mail_id, digest_period) ON notifications TO app;

-- A person chooses the language of their mails, which are of no workspace.
GRANT SELECT (language), UPDATE (language) ON users TO app;
CREATE POLICY own_language ON users FOR UPDATE TO app
  USING (id::text = (SELECT current_setting('app.member', true)));

-- That somebody has joined is told by who lets them in.
GRANT INSERT ON events_outbox TO identity;
CREATE POLICY identity ON events_outbox FOR INSERT TO identity
  WITH CHECK (workspace_id = (SELECT current_setting('app.workspace_id'))::uuid);

CALL open_to_gatekeeper('notification_preferences', 'SELECT, INSERT, UPDATE');
GRANT SELECT (id, email) ON users TO gatekeeper;
GRANT SELECT ON undeliverable_addresses TO gatekeeper;
GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Whose digest may be due; who makes it works in the member's own workspace.
CREATE FUNCTION digests_due(at timestamptz, most integer)
RETURNS TABLE (workspace_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT p.workspace_id, p.user_id
    FROM notification_preferences p
   WHERE p.digest <> 'off' AND p.emails
     AND (p.next_digest_at IS NULL OR p.next_digest_at <= at)
   ORDER BY p.next_digest_at NULLS FIRST
   LIMIT most
$$;
ALTER FUNCTION digests_due OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION digests_due TO app;

-- Somebody does not want our mails: no notification is mailed to that address any more.
CREATE FUNCTION end_notification_mails(address text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  INSERT INTO notification_preferences AS p (workspace_id, user_id, emails)
  SELECT m.workspace_id, m.user_id, false
    FROM members m JOIN users u ON u.id = m.user_id
   WHERE u.email = lower(address)
      ON CONFLICT (workspace_id, user_id)
      DO UPDATE SET emails = false, updated_at = clock_timestamp() WHERE p.emails
$$;
ALTER FUNCTION end_notification_mails OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION end_notification_mails TO mailer;

-- Why a member's address gets no mails; NULL when it does.
CREATE FUNCTION mail_trouble(member uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT CASE WHEN a.bounced_at IS NULL THEN 'complained' ELSE 'bounced' END
    FROM members m
    JOIN users u ON u.id = m.user_id
    JOIN undeliverable_addresses a ON a.address_hash = sha256(convert_to(u.email, 'UTF8'))
   WHERE m.workspace_id = current_setting('app.workspace_id')::uuid AND m.user_id = member
$$;
ALTER FUNCTION mail_trouble OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION mail_trouble TO app;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
