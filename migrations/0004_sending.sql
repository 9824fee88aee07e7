-- Campaigns, the send ledger, lanes, commands to the worker, the outbox.

CREATE TABLE campaigns (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  template_id text,
  status text NOT NULL DEFAULT 'draft' CHECK (status IN (
    'draft', 'preparing', 'awaiting_approval', 'scheduled', 'sending', 'paused',
    'completed', 'cancelled', 'failed')),
  segment_id uuid,
  -- [{"label": "A", "message": "…", "weight": 1}, …]; one entry is no test.
  variants jsonb NOT NULL,
  written_by text NOT NULL DEFAULT 'person' CHECK (written_by IN ('person', 'template', 'ai')),
  model text,
  ai_disclosed boolean NOT NULL DEFAULT false,
  price_cents bigint NOT NULL DEFAULT 0 CHECK (price_cents >= 0),
  media_ids uuid[] NOT NULL DEFAULT '{}',
  scheduled_at timestamptz,
  holdout_percent numeric(5, 2) NOT NULL DEFAULT 0 CHECK (holdout_percent BETWEEN 0 AND 50),
  -- Slower than the profile allows, never faster.
  messages_per_minute integer CHECK (messages_per_minute > 0),
  -- Raised by every change of what would be sent; an approval names the version it saw.
  version integer NOT NULL DEFAULT 1,
  approved_version integer,
  -- Counts launches; part of the execution's name, so that starting twice is one execution.
  launch integer NOT NULL DEFAULT 0,
  execution_arn text,
  approval_token text,
  delivery_token text,
  dry_run jsonb,
  -- {"step": "…", "reason": "…"}
  failure jsonb,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  launched_at timestamptz,
  released_at timestamptz,
  -- When it was told that every message is settled: once, however often the step runs.
  delivered_at timestamptz,
  finished_at timestamptz,
  -- Why it completed without a message: there were no fans, or all were left out.
  finish_reason text CHECK (finish_reason IN ('no_fans', 'all_excluded')),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id, segment_id)
    REFERENCES segments (workspace_id, creator_id, id)
);
CREATE INDEX campaigns_newest ON campaigns (workspace_id, created_at DESC, id DESC);
CREATE INDEX campaigns_open ON campaigns (creator_id, status)
  WHERE status IN ('preparing', 'awaiting_approval', 'scheduled', 'sending', 'paused');

CREATE TABLE campaign_approvals (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  campaign_id uuid NOT NULL,
  version integer NOT NULL,
  decision text NOT NULL CHECK (decision IN ('approved', 'rejected')),
  note text CHECK (length(note) <= 2000),
  -- SHA-256 of the texts, price and media that the person saw.
  content_hash text NOT NULL,
  decided_by uuid NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, campaign_id, version, decision),
  FOREIGN KEY (workspace_id, creator_id, campaign_id)
    REFERENCES campaigns (workspace_id, creator_id, id) ON DELETE CASCADE
);

CREATE TABLE sends (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  campaign_id uuid,
  state text NOT NULL DEFAULT 'planned' CHECK (state IN (
    'planned', 'submitting', 'sent', 'not_sent', 'unknown', 'skipped', 'cancelled', 'held_out')),
  reason text,
  -- 0 person, 1 chatbot, 2 automation, 3 campaign.
  priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
  -- Not before; moved on by quiet hours and by trouble with the page. A campaign's rows are
  -- taken only while the campaign is 'sending', so that pausing touches one row.
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Frozen when planned.
  text text NOT NULL,
  text_hash text NOT NULL,
  price_cents bigint NOT NULL DEFAULT 0 CHECK (price_cents >= 0),
  media_ids uuid[] NOT NULL DEFAULT '{}',
  variant text,
  -- Who or what wrote it, and whether that was disclosed.
  written_by text NOT NULL CHECK (written_by IN ('person', 'template', 'ai')),
  model text,
  ai_disclosed boolean NOT NULL DEFAULT false,
  author_id uuid,
  approval_id uuid,
  compliance_passed_at timestamptz,
  attempt smallint NOT NULL DEFAULT 1 CHECK (attempt BETWEEN 1 AND 2),
  -- Times that the thread could not be opened or filled; nothing was granted, nothing was clicked.
  open_failures smallint NOT NULL DEFAULT 0,
  -- The fan's subscription when planned: who has left since is not written to.
  fan_status text,
  fencing_token bigint,
  baseline_message_id text,
  granted_at timestamptz,
  -- The click is allowed until submit_until; the platform has accepted, if ever, by readable_at.
  submit_until timestamptz,
  readable_at timestamptz,
  platform_message_id text,
  settled_at timestamptz,
  -- What settled it: {"by": "confirmation" | "read_back" | "person", …}
  evidence jsonb,
  unsent_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  -- One row per campaign and fan, whatever happens.
  UNIQUE (campaign_id, fan_id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id, fan_id) REFERENCES fans (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id, campaign_id)
    REFERENCES campaigns (workspace_id, creator_id, id),
  CHECK (state <> 'skipped' OR reason IS NOT NULL),
  CHECK (state <> 'submitting' OR (granted_at IS NOT NULL AND readable_at > submit_until)),
  -- AI text without an approval, and any text without a passing verdict, is never submitted.
  CHECK (state <> 'submitting' OR compliance_passed_at IS NOT NULL),
  CHECK (state <> 'submitting' OR written_by <> 'ai' OR approval_id IS NOT NULL)
);
-- The lane looks at direct sends and at each running campaign, never past a paused one's rows.
CREATE INDEX sends_direct_due ON sends (creator_id, priority, due_at, id)
  WHERE state = 'planned' AND campaign_id IS NULL;
CREATE INDEX sends_campaign_due ON sends (campaign_id, due_at, id) WHERE state = 'planned';
CREATE INDEX sends_submitting ON sends (creator_id, readable_at) WHERE state = 'submitting';
CREATE INDEX sends_campaign_state ON sends (campaign_id, state, id);
-- What counts towards a fan's cap: granted and not known to have failed.
CREATE INDEX sends_fan_recent ON sends (workspace_id, fan_id, granted_at DESC)
  WHERE state IN ('submitting', 'sent', 'unknown');
CREATE INDEX sends_creator_recent ON sends (workspace_id, creator_id, granted_at)
  WHERE state IN ('submitting', 'sent', 'unknown');

-- The ledger's state machine, kept where no code can go round it.
CREATE FUNCTION guard_send_state() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT (
    (OLD.state = 'planned' AND NEW.state IN ('submitting', 'skipped', 'cancelled', 'not_sent')) OR
    (OLD.state = 'submitting' AND NEW.state IN ('sent', 'unknown', 'not_sent')) OR
    (OLD.state = 'submitting' AND NEW.state = 'planned' AND NEW.attempt = OLD.attempt + 1) OR
    (OLD.state = 'unknown' AND NEW.state = 'sent')
  ) THEN
    RAISE EXCEPTION 'a send cannot go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.text, NEW.text_hash, NEW.price_cents, NEW.media_ids, NEW.variant, NEW.written_by,
      NEW.fan_id, NEW.creator_id, NEW.workspace_id, NEW.campaign_id)
     IS DISTINCT FROM
     (OLD.text, OLD.text_hash, OLD.price_cents, OLD.media_ids, OLD.variant, OLD.written_by,
      OLD.fan_id, OLD.creator_id, OLD.workspace_id, OLD.campaign_id) THEN
    RAISE EXCEPTION 'what a send says and to whom is frozen' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER guard_send_state BEFORE UPDATE ON sends
  FOR EACH ROW EXECUTE FUNCTION guard_send_state();

-- A plan that nothing was sent of may be thrown away, e.g. when its campaign is changed; what was
-- granted once stays on record.
CREATE FUNCTION guard_send_deletion() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF OLD.granted_at IS NOT NULL THEN
    RAISE EXCEPTION 'a send that was granted stays on record' USING ERRCODE = 'check_violation';
  END IF;
  RETURN OLD;
END
$$;
CREATE TRIGGER guard_send_deletion BEFORE DELETE ON sends
  FOR EACH ROW EXECUTE FUNCTION guard_send_deletion();

-- The end of quiet hours that are on now in a time zone, or NULL. The span may pass midnight. A
-- zone that the server does not know counts as UTC rather than failing a send.
CREATE FUNCTION quiet_until(at timestamptz, zone text, from_time time, until_time time)
RETURNS timestamptz
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  local_at timestamp;
  ends timestamp;
BEGIN
  IF from_time IS NULL OR from_time = until_time THEN
    RETURN NULL;
  END IF;
  BEGIN
    local_at := at AT TIME ZONE zone;
  EXCEPTION WHEN invalid_parameter_value THEN
    zone := 'UTC';
    local_at := at AT TIME ZONE zone;
  END;
  IF from_time < until_time THEN
    IF local_at::time < from_time OR local_at::time >= until_time THEN
      RETURN NULL;
    END IF;
    ends := local_at::date + until_time;
  ELSIF local_at::time >= from_time THEN
    ends := local_at::date + 1 + until_time;
  ELSIF local_at::time < until_time THEN
    ends := local_at::date + until_time;
  ELSE
    RETURN NULL;
  END IF;
  -- A clock change may put the end into the past; never answer a moment that is over.
  RETURN greatest(ends AT TIME ZONE zone, at + interval '1 second');
END
$$;
GRANT EXECUTE ON FUNCTION quiet_until TO app, worker;

-- Every attempt and how it ended: what explains an unknown months later.
CREATE TABLE send_attempts (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  send_id uuid NOT NULL,
  attempt smallint NOT NULL,
  fencing_token bigint NOT NULL,
  granted_at timestamptz NOT NULL,
  baseline_message_id text,
  outcome text CHECK (outcome IN ('sent', 'not_sent', 'unknown')),
  evidence jsonb,
  ended_at timestamptz,
  PRIMARY KEY (workspace_id, send_id, attempt),
  FOREIGN KEY (workspace_id, creator_id, send_id)
    REFERENCES sends (workspace_id, creator_id, id) ON DELETE CASCADE
);

-- Who was offered or bought what; the key is the guard that nothing is offered twice.
CREATE TABLE media_grants (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  media_id uuid NOT NULL,
  send_id uuid,
  state text NOT NULL CHECK (state IN ('offered', 'bought')),
  granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, fan_id, media_id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, media_id) REFERENCES media (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id, send_id) REFERENCES sends (workspace_id, creator_id, id)
);

CREATE TABLE creator_lanes (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  platform text NOT NULL,
  status text NOT NULL DEFAULT 'stopped' CHECK (status IN ('active', 'stopped')),
  stop_reason text DEFAULT 'not_connected',
  stopped_at timestamptz,
  -- Held while a person or an operator wants silence; separate from trouble that stopped it.
  kill_switch boolean NOT NULL DEFAULT false,
  fencing_token bigint NOT NULL DEFAULT 0,
  holder text,
  leased_until timestamptz,
  -- Limits of the profile, or the operator's; no tenant can raise them.
  messages_per_minute integer NOT NULL DEFAULT 10 CHECK (messages_per_minute BETWEEN 1 AND 6000),
  min_gap_ms integer NOT NULL DEFAULT 3000 CHECK (min_gap_ms >= 0),
  -- The last messages_per_minute intervals, oldest first: starts and ends of equal length.
  interval_starts timestamptz[] NOT NULL DEFAULT '{}',
  interval_ends timestamptz[] NOT NULL DEFAULT '{}',
  -- The send whose interval is still open.
  open_send_id uuid,
  last_progress_at timestamptz,
  PRIMARY KEY (creator_id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE,
  CHECK (cardinality(interval_starts) = cardinality(interval_ends)),
  CHECK ((status = 'stopped') = (stop_reason IS NOT NULL))
);

-- Operators' switches above a single creator: 'all' or 'profile:<name>'.
CREATE TABLE kill_switches (
  scope text PRIMARY KEY CHECK (scope = 'all' OR scope LIKE 'profile:%'),
  reason text NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What the lane does besides sending, in the same queue of one: connect, unsend, sync.
CREATE TABLE creator_commands (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN (
    'connect', 'unsend', 'sync_subscribers', 'sync_threads', 'sync_earnings')),
  payload jsonb NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  -- How it ended; of a sync that goes on, how far it is.
  result jsonb,
  -- Of a sync: not before; moved on by trouble with the page.
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  requested_by uuid,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX creator_commands_waiting ON creator_commands (creator_id, created_at)
  WHERE state IN ('waiting', 'running');
-- A sync that is asked for again while it waits is the same one.
CREATE UNIQUE INDEX creator_commands_sync ON creator_commands (workspace_id, creator_id, kind)
  WHERE state IN ('waiting', 'running') AND starts_with(kind, 'sync_');

CREATE TABLE events_outbox (
  id uuid PRIMARY KEY DEFAULT uuid7(),
  workspace_id uuid NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id uuid NOT NULL,
  event_type text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at timestamptz
);
CREATE INDEX events_outbox_waiting ON events_outbox (id) WHERE published_at IS NULL;

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    'campaigns', 'campaign_approvals', 'sends', 'send_attempts', 'media_grants', 'creator_lanes',
    'creator_commands'
  ] LOOP
    CALL protect_tenant_table(target, 'workspace_id', 'creator_id');
  END LOOP;
  CALL protect_tenant_table('events_outbox', 'workspace_id', NULL);
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON campaigns TO app;
GRANT SELECT, INSERT ON campaign_approvals, events_outbox TO app;
GRANT SELECT, INSERT, UPDATE ON creator_commands TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sends, media_grants TO app;
GRANT SELECT ON send_attempts, kill_switches TO app;
GRANT SELECT, INSERT, UPDATE (status, stop_reason, stopped_at, kill_switch) ON creator_lanes TO app;

GRANT SELECT ON campaigns, kill_switches TO worker;
GRANT SELECT, UPDATE ON sends, creator_lanes, creator_commands TO worker;
GRANT SELECT, INSERT, UPDATE ON send_attempts TO worker;
GRANT SELECT, INSERT, DELETE ON media_grants TO worker;
GRANT SELECT, INSERT ON events_outbox TO worker;
-- After a login the worker requests the syncs.
GRANT INSERT (workspace_id, id, creator_id, kind, requested_by) ON creator_commands TO worker;

CALL open_to_gatekeeper('creator_lanes', 'SELECT, UPDATE');
CALL open_to_gatekeeper('sends', 'SELECT');
CALL open_to_gatekeeper('campaigns', 'SELECT');
CALL open_to_gatekeeper('creator_commands', 'SELECT');
CALL open_to_gatekeeper('events_outbox', 'SELECT, UPDATE (published_at)');
GRANT SELECT ON kill_switches TO gatekeeper;
GRANT SELECT, INSERT, UPDATE, DELETE ON kill_switches TO relay;

-- Takes the lane of a creator for a while; each taking raises the fencing token, which every
-- later grant and settlement must show. No row: someone else holds it, or there is no such lane.
CREATE FUNCTION claim_lane(creator uuid, claimant text, lease interval)
RETURNS TABLE (workspace_id uuid, fencing_token bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  UPDATE creator_lanes l
     SET fencing_token = l.fencing_token + 1, holder = claimant,
         leased_until = clock_timestamp() + lease
   WHERE l.creator_id = creator
     AND (l.leased_until IS NULL OR l.leased_until < clock_timestamp() OR l.holder = claimant)
  RETURNING l.workspace_id, l.fencing_token
$$;
ALTER FUNCTION claim_lane OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION claim_lane TO worker;

-- Creators with work that could go on now: due sends of running campaigns or of no campaign,
-- crashed sends that may be read back, waiting commands; not already held by a live worker. A
-- sync moves no lane that stands still.
CREATE FUNCTION lanes_with_due_work() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT l.creator_id
    FROM creator_lanes l
   WHERE (l.leased_until IS NULL OR l.leased_until < clock_timestamp())
     AND (
       EXISTS (
         SELECT FROM creator_commands c
          WHERE c.creator_id = l.creator_id AND c.state IN ('waiting', 'running')
            AND NOT starts_with(c.kind, 'sync_'))
       OR (l.status = 'active' AND NOT l.kill_switch AND (
         EXISTS (
           SELECT FROM creator_commands c
            WHERE c.creator_id = l.creator_id AND c.state = 'waiting'
              AND starts_with(c.kind, 'sync_') AND c.due_at <= clock_timestamp())
         OR EXISTS (
           SELECT FROM sends s
            WHERE s.creator_id = l.creator_id AND s.state = 'planned' AND s.campaign_id IS NULL
              AND s.due_at <= clock_timestamp())
         OR EXISTS (
           SELECT FROM campaigns c JOIN sends s ON s.campaign_id = c.id
            WHERE c.creator_id = l.creator_id AND c.status = 'sending' AND s.state = 'planned'
              AND s.due_at <= clock_timestamp())
         OR EXISTS (
           SELECT FROM sends s
            WHERE s.creator_id = l.creator_id AND s.state = 'submitting'
              AND s.readable_at <= clock_timestamp())))
     )
$$;
ALTER FUNCTION lanes_with_due_work OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION lanes_with_due_work TO relay;

-- The relay holds the rows that it publishes until it says so or goes away.
CREATE FUNCTION take_outbox(most integer)
RETURNS TABLE (id uuid, workspace_id uuid, aggregate_type text, aggregate_id uuid, event_type text,
               payload jsonb, created_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT o.id, o.workspace_id, o.aggregate_type, o.aggregate_id, o.event_type, o.payload,
         o.created_at
    FROM events_outbox o
   WHERE o.published_at IS NULL
   ORDER BY o.id
   LIMIT most
     FOR UPDATE SKIP LOCKED
$$;
ALTER FUNCTION take_outbox OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION take_outbox TO relay;

CREATE FUNCTION mark_outbox_published(published uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  UPDATE events_outbox SET published_at = clock_timestamp() WHERE id = ANY (published)
$$;
ALTER FUNCTION mark_outbox_published OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION mark_outbox_published TO relay;

-- Campaigns whose next step may have been lost: not started, decided but the execution still
-- waits, or nothing left to deliver. The sweeper then works in each one's own workspace.
CREATE FUNCTION campaigns_to_move()
RETURNS TABLE (workspace_id uuid, campaign_id uuid, move text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT c.workspace_id, c.id,
         CASE
           WHEN c.status = 'preparing' AND c.execution_arn IS NULL THEN 'start'
           WHEN c.approval_token IS NOT NULL THEN 'release_approval'
           ELSE 'release_delivery'
         END
    FROM campaigns c
   WHERE (c.status = 'preparing' AND c.execution_arn IS NULL
          AND c.launched_at < clock_timestamp() - interval '20 seconds')
      OR (c.status = 'scheduled' AND c.approval_token IS NOT NULL)
      OR (c.status IN ('sending', 'paused') AND c.delivery_token IS NOT NULL
          AND NOT EXISTS (
            SELECT FROM sends s
             WHERE s.campaign_id = c.id AND s.state IN ('planned', 'submitting')))
$$;
ALTER FUNCTION campaigns_to_move OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION campaigns_to_move TO app;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
