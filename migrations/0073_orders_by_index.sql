-- Thousands of messages that are to be taken back wait behind no login and hide nothing else.
--
-- lanes_with_due_work is as before in all other respects.

GRANT CREATE ON SCHEMA public TO gatekeeper;

CREATE INDEX creator_commands_logins ON creator_commands (creator_id, created_at, id)
  WHERE state IN ('waiting', 'running') AND kind <> 'unsend' AND NOT starts_with(kind, 'sync_');
CREATE INDEX creator_commands_unsends_due ON creator_commands (creator_id, due_at, id)
  WHERE state IN ('waiting', 'running') AND kind = 'unsend';
CREATE INDEX creator_commands_syncs_due ON creator_commands (creator_id, created_at, id)
  WHERE state = 'waiting' AND starts_with(kind, 'sync_');

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
            AND c.kind <> 'unsend' AND NOT starts_with(c.kind, 'sync_')
            AND c.due_at <= statement_timestamp())
       -- As `commands.next_order` has it: a page that has changed needs no new login.
       OR ((l.status = 'active' OR l.stop_reason = 'selector_drift') AND EXISTS (
         SELECT FROM creator_commands c
          WHERE c.creator_id = l.creator_id AND c.state IN ('waiting', 'running')
            AND c.kind = 'unsend' AND c.due_at <= statement_timestamp()))
       -- After a day without a login they are given up.
       OR (l.stopped_at <= statement_timestamp() - interval '1 day' AND EXISTS (
         SELECT FROM creator_commands c
          WHERE c.creator_id = l.creator_id AND c.state IN ('waiting', 'running')
            AND c.kind = 'unsend' AND c.due_at <= statement_timestamp()
            AND c.created_at <= statement_timestamp() - interval '1 day'))
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
