-- A message that cannot be taken back now is tried again: later, and not without a session.
--
-- lanes_with_due_work is as before in all other respects.

GRANT CREATE ON SCHEMA public TO gatekeeper;

CREATE OR REPLACE FUNCTION lanes_with_due_work() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT l.creator_id
    FROM creator_lanes l
   WHERE (l.leased_until IS NULL OR l.leased_until < statement_timestamp())
     AND (
       EXISTS (
         SELECT FROM creator_commands c
          WHERE c.creator_id = l.creator_id AND c.state IN ('waiting', 'running')
            AND NOT starts_with(c.kind, 'sync_') AND c.due_at <= statement_timestamp()
            -- As `commands.take` has it: a page that has changed needs no new login.
            AND (c.kind <> 'unsend' OR l.status = 'active' OR l.stop_reason = 'selector_drift'))
       OR (l.status = 'active' AND NOT l.kill_switch AND (
         EXISTS (
           SELECT FROM creator_commands c
            WHERE c.creator_id = l.creator_id AND c.state = 'waiting'
              AND starts_with(c.kind, 'sync_') AND c.due_at <= statement_timestamp())
         OR EXISTS (
           SELECT FROM conversations c
            WHERE c.creator_id = l.creator_id AND c.read_due_at <= statement_timestamp())
         OR EXISTS (
           SELECT FROM sends s
            WHERE s.creator_id = l.creator_id AND s.state = 'planned' AND s.campaign_id IS NULL
              AND s.due_at <= statement_timestamp())
         OR EXISTS (
           SELECT FROM campaigns c
            WHERE c.creator_id = l.creator_id AND c.status = 'sending'
              -- Of each campaign the first send alone: never all of them at once.
              AND (SELECT min(s.due_at) FROM sends s
                    WHERE s.campaign_id = c.id AND s.state = 'planned') <= statement_timestamp())
         OR EXISTS (
           SELECT FROM sends s
            WHERE s.creator_id = l.creator_id AND s.state = 'submitting'
              AND s.readable_at <= statement_timestamp())))
     )
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;

-- Whether all of what was ordered at once has ended, and how.
CREATE INDEX creator_commands_unsends ON creator_commands (workspace_id, creator_id, correlation_id)
  WHERE kind = 'unsend';
