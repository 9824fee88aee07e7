-- Automations: rules that act on fans when something happens, in versions; what happened and waits
-- to be looked at; runs, and every step that a run has taken.

CREATE TABLE automations (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  -- The version that new runs take.
  version integer NOT NULL DEFAULT 1 CHECK (version > 0),
  -- NULL is off; what happened before counts for nothing.
  enabled_at timestamptz,
  -- The kind of happening that starts it; NULL where only the clock does.
  listens text,
  -- When the sweep looks by the clock for whom it is time; NULL where nothing is to be looked for.
  look_at timestamptz,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Its history stays.
  deleted_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  FOREIGN KEY (workspace_id, creator_id) REFERENCES creators (workspace_id, id),
  CHECK (deleted_at IS NULL OR enabled_at IS NULL),
  CHECK (look_at IS NULL OR enabled_at IS NOT NULL)
);
CREATE INDEX automations_newest ON automations (workspace_id, creator_id, id DESC)
  WHERE deleted_at IS NULL;
CREATE INDEX automations_listening ON automations (workspace_id, creator_id, listens)
  WHERE enabled_at IS NOT NULL;
CREATE INDEX automations_look ON automations (look_at) WHERE look_at IS NOT NULL;

-- What an automation says; a run goes on with the version that it began with.
CREATE TABLE automation_versions (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  automation_id uuid NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  definition jsonb NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, automation_id, version),
  FOREIGN KEY (workspace_id, creator_id, automation_id)
    REFERENCES automations (workspace_id, creator_id, id) ON DELETE CASCADE
);

-- What happened to fans of whom an automation wants to hear, until the sweep has looked at it.
CREATE TABLE happenings (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  fan_id uuid NOT NULL,
  kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
  -- Which one it is: the same happening has the same turn, however often it is told.
  turn text NOT NULL CHECK (length(turn) BETWEEN 1 AND 300),
  happened_at timestamptz NOT NULL,
  facts jsonb NOT NULL DEFAULT '{}',
  -- How many automations, one starting the next, have led to it.
  depth smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE
);
CREATE INDEX happenings_fan ON happenings (workspace_id, fan_id);

CREATE TABLE automation_runs (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT uuid7(),
  creator_id uuid NOT NULL,
  automation_id uuid NOT NULL,
  version integer NOT NULL,
  fan_id uuid NOT NULL,
  -- `once`, or the happening's own: the key below lets a fan run once for each.
  turn text NOT NULL CHECK (length(turn) BETWEEN 1 AND 300),
  happened_at timestamptz NOT NULL,
  depth smallint NOT NULL DEFAULT 0,
  status text NOT NULL DEFAULT 'waiting'
    CHECK (status IN ('waiting', 'completed', 'stopped', 'failed')),
  -- The next step, and not before when.
  step text CHECK (length(step) BETWEEN 1 AND 60),
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Times that the sweep could not go on with it.
  troubles smallint NOT NULL DEFAULT 0,
  reason text CHECK (length(reason) <= 500),
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, creator_id, id),
  -- However often, and in whatever order, it is told.
  UNIQUE (workspace_id, automation_id, fan_id, turn),
  FOREIGN KEY (workspace_id, creator_id, automation_id)
    REFERENCES automations (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, automation_id, version) REFERENCES automation_versions,
  FOREIGN KEY (workspace_id, creator_id, fan_id)
    REFERENCES fans (workspace_id, creator_id, id) ON DELETE CASCADE,
  CHECK ((status = 'waiting') = (finished_at IS NULL)),
  CHECK ((status = 'waiting') = (step IS NOT NULL))
);
CREATE INDEX automation_runs_due ON automation_runs (due_at) WHERE status = 'waiting';
CREATE INDEX automation_runs_newest ON automation_runs (workspace_id, automation_id, id DESC);
CREATE INDEX automation_runs_fan ON automation_runs (workspace_id, fan_id);

-- One row for each step that a run has taken, written with its effect: there is no second one.
CREATE TABLE automation_steps (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  run_id uuid NOT NULL,
  step text NOT NULL CHECK (length(step) BETWEEN 1 AND 60),
  -- Its place among the steps of the run.
  number integer NOT NULL CHECK (number > 0),
  kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
  outcome text NOT NULL CHECK (outcome IN ('done', 'nothing', 'yes', 'no', 'waits', 'failed')),
  reason text CHECK (length(reason) <= 500),
  -- The message that it planned; what became of it is the ledger's to say.
  send_id uuid,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, run_id, step),
  UNIQUE (workspace_id, run_id, number),
  FOREIGN KEY (workspace_id, creator_id, run_id)
    REFERENCES automation_runs (workspace_id, creator_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, creator_id, send_id) REFERENCES sends (workspace_id, creator_id, id)
);
CREATE INDEX automation_steps_send ON automation_steps (workspace_id, send_id)
  WHERE send_id IS NOT NULL;

-- Who looks after a fan, and answers what the fan writes.
ALTER TABLE fans
  ADD COLUMN assigned_to uuid,
  ADD FOREIGN KEY (workspace_id, assigned_to) REFERENCES members (workspace_id, user_id)
    ON DELETE SET NULL (assigned_to);
CREATE INDEX fans_assigned ON fans (workspace_id, assigned_to) WHERE assigned_to IS NOT NULL;

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    'automations', 'automation_versions', 'happenings', 'automation_runs', 'automation_steps'
  ] LOOP
    CALL protect_tenant_table(target, 'workspace_id', 'creator_id');
  END LOOP;
END
$$;
GRANT SELECT, INSERT,
      UPDATE (name, version, enabled_at, listens, look_at, updated_at, deleted_at)
  ON automations TO app;
GRANT SELECT, INSERT ON automation_versions, automation_steps TO app;
-- UPDATE: to hold a row while it is looked at.
GRANT SELECT, INSERT, DELETE, UPDATE (depth) ON happenings TO app;
-- DELETE: with the fan who asked to be forgotten.
GRANT SELECT, INSERT, DELETE, UPDATE (status, step, due_at, troubles, reason, finished_at)
  ON automation_runs TO app;

CALL open_to_gatekeeper('automations', 'SELECT');
CALL open_to_gatekeeper('happenings', 'SELECT, INSERT');
CALL open_to_gatekeeper('automation_runs', 'SELECT');

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Workspaces where an automation has something to do; not those that are to be erased. The sweep
-- then works in each one's own.
CREATE FUNCTION automations_due(most integer) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT w.workspace_id
    FROM (
      (SELECT h.workspace_id FROM happenings h LIMIT 10000)
      UNION
      (SELECT r.workspace_id FROM automation_runs r
        WHERE r.status = 'waiting' AND r.due_at <= clock_timestamp()
        ORDER BY r.due_at LIMIT 10000)
      UNION
      (SELECT a.workspace_id FROM automations a WHERE a.look_at <= clock_timestamp())
    ) w
   WHERE NOT EXISTS (
     SELECT FROM erasures e WHERE e.workspace_id = w.workspace_id AND e.kind = 'workspace'
        AND e.state IN ('scheduled', 'erasing', 'done'))
   -- Whoever has much to do must not keep the others waiting each time.
   ORDER BY random() LIMIT most
$$;
ALTER FUNCTION automations_due OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION automations_due TO app;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
