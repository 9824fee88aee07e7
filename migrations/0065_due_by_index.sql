-- What is due is found by its index.
--
-- A condition with clock_timestamp() is judged row by row: it may be another moment for each of
-- them, so that no index is asked, and each sweep read all that is not due yet as well. The moment
-- of the statement is one for all of its rows. As before, in all other respects.

-- A sweep and a campaign that is planned anew name what these begin with.
CREATE INDEX ai_calls_returned ON ai_calls (leased_until) WHERE state = 'returned';
CREATE INDEX auto_replies_send ON auto_replies (workspace_id, send_id);
CREATE INDEX mails_address ON mails (address) WHERE address IS NOT NULL;

-- What was used before the first subscription waits for ever.
CREATE INDEX metered_usage_unreported ON metered_usage (workspace_id, used_at)
  WHERE report_id IS NULL;
DROP INDEX metered_usage_waiting;

-- The same as ai_spending_begun.
DROP INDEX ai_spending_by_day;

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
            AND NOT starts_with(c.kind, 'sync_'))
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

CREATE OR REPLACE FUNCTION lane_figures(patience interval)
RETURNS TABLE (at_work bigint, stalled bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT
    (SELECT count(*)
       FROM (SELECT lanes_with_due_work()
             UNION SELECT lanes_to_reconcile()
             UNION SELECT creator_id FROM creator_lanes WHERE leased_until >= statement_timestamp())
         AS lanes),
    (SELECT count(*)
       FROM creator_lanes l
      WHERE l.status = 'active' AND NOT l.kill_switch
        AND coalesce(l.last_progress_at, '-infinity') < statement_timestamp() - patience
        AND NOT EXISTS (
          SELECT FROM kill_switches k WHERE k.scope IN ('all', 'profile:' || l.platform))
        AND NOT EXISTS (
          SELECT FROM lane_restores r
           WHERE r.creator_id = l.creator_id AND r.reconciled_at IS NULL)
        AND (
          EXISTS (
            SELECT FROM creator_commands c
             WHERE c.creator_id = l.creator_id AND c.state IN ('waiting', 'running')
               AND c.due_at < statement_timestamp() - patience)
          OR EXISTS (
            SELECT FROM sends s
             WHERE s.creator_id = l.creator_id AND s.state = 'planned' AND s.campaign_id IS NULL
               AND s.due_at < statement_timestamp() - patience)
          OR EXISTS (
            SELECT FROM campaigns c
             WHERE c.creator_id = l.creator_id AND c.status = 'sending'
               AND (SELECT min(s.due_at) FROM sends s
                     WHERE s.campaign_id = c.id AND s.state = 'planned')
                   < statement_timestamp() - patience)
          OR EXISTS (
            SELECT FROM sends s
             WHERE s.creator_id = l.creator_id AND s.state = 'submitting'
               AND s.readable_at < statement_timestamp() - patience)))
$$;

CREATE OR REPLACE FUNCTION lanes_to_reconcile() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT r.creator_id
    FROM lane_restores r
    JOIN creator_lanes l ON l.creator_id = r.creator_id
   WHERE r.reconciled_at IS NULL AND r.due_at <= statement_timestamp()
     AND l.status = 'active' AND NOT l.kill_switch
     AND (l.leased_until IS NULL OR l.leased_until < statement_timestamp())
$$;

CREATE OR REPLACE FUNCTION automations_due(most integer) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT w.workspace_id
    FROM (
      (SELECT h.workspace_id FROM happenings h LIMIT 10000)
      UNION
      (SELECT r.workspace_id FROM automation_runs r
        WHERE r.status = 'waiting' AND r.due_at <= statement_timestamp()
        ORDER BY r.due_at LIMIT 10000)
      UNION
      (SELECT a.workspace_id FROM automations a WHERE a.look_at <= statement_timestamp())
    ) w
   WHERE NOT EXISTS (
     SELECT FROM erasures e WHERE e.workspace_id = w.workspace_id AND e.kind = 'workspace'
        AND e.state IN ('scheduled', 'erasing', 'done'))
   -- Whoever has much to do must not keep the others waiting each time.
   ORDER BY random() LIMIT most
$$;

CREATE OR REPLACE FUNCTION platform_events_to_queue(lost_after interval, most integer)
RETURNS TABLE (workspace_id uuid, creator_id uuid, event_id text)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  DELETE FROM platform_events e USING (
    SELECT o.workspace_id, o.creator_id, o.id FROM platform_events o
     WHERE o.received_at < statement_timestamp() - interval '30 days'
     ORDER BY o.received_at LIMIT most) old
   WHERE e.workspace_id = old.workspace_id AND e.creator_id = old.creator_id AND e.id = old.id;
  DELETE FROM platform_versions v USING (
    SELECT o.workspace_id, o.creator_id, o.kind, o.thing FROM platform_versions o
     WHERE o.touched_at < statement_timestamp() - interval '30 days'
     ORDER BY o.touched_at LIMIT most) old
   WHERE v.workspace_id = old.workspace_id AND v.creator_id = old.creator_id
     AND v.kind = old.kind AND v.thing = old.thing;
  UPDATE platform_events e SET queued_at = clock_timestamp()
    FROM (
      SELECT o.workspace_id, o.creator_id, o.id FROM platform_events o
       WHERE o.processed_at IS NULL AND o.failures = 0
         AND o.queued_at < statement_timestamp() - lost_after
       ORDER BY o.queued_at LIMIT most FOR UPDATE SKIP LOCKED) lost
   WHERE e.workspace_id = lost.workspace_id AND e.creator_id = lost.creator_id AND e.id = lost.id
  RETURNING e.workspace_id, e.creator_id, e.id
$$;

CREATE OR REPLACE FUNCTION forget_live_events(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
  forgotten integer;
BEGIN
  -- One at a time and the oldest first: what is left of a workspace has no gap.
  IF NOT pg_try_advisory_xact_lock(hashtext('forget_live_events')) THEN
    RETURN 0;
  END IF;
  DELETE FROM live_events e USING (
    SELECT o.workspace_id, o.position FROM live_events o
     WHERE o.created_at < statement_timestamp() - interval '1 day'
     ORDER BY o.created_at, o.position LIMIT most) old
   WHERE e.workspace_id = old.workspace_id AND e.position = old.position;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN forgotten;
END
$$;

CREATE OR REPLACE FUNCTION ai_calls_stored(stored uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  UPDATE ai_calls SET stored_at = clock_timestamp()
   WHERE id = ANY (stored) AND state = 'settled' AND stored_at IS NULL;
$$;

CREATE OR REPLACE FUNCTION ai_tidy() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  DELETE FROM ai_calls WHERE stored_at < statement_timestamp() - interval '1 day';
  DELETE FROM ai_calls
   WHERE state = 'returned' AND leased_until < statement_timestamp() - interval '1 day';
  DELETE FROM ai_prefix_uses
   WHERE uses[cardinality(uses)] < statement_timestamp() - interval '1 hour';
  DELETE FROM ai_chats WHERE asked_at < statement_timestamp() - interval '90 days';
$$;

CREATE OR REPLACE FUNCTION ai_budget_figures()
RETURNS TABLE (spent_today_nanos bigint, spent_this_month_nanos bigint, reserved_nanos bigint,
               workspaces_refused bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT coalesce(sum(s.spent_nanos) FILTER (WHERE s.period = 'day'), 0)::bigint,
         coalesce(sum(s.spent_nanos) FILTER (WHERE s.period = 'month'), 0)::bigint,
         coalesce(sum(s.reserved_nanos) FILTER (WHERE s.period = 'month'), 0)::bigint,
         (SELECT count(DISTINCT g.workspace_id) FROM ai_generations g
           WHERE g.result = 'BudgetUsedUp'
             AND g.started_at > statement_timestamp() - interval '24 hours')
    FROM ai_spending s
   WHERE (s.period = 'day' AND s.starts_on = (statement_timestamp() AT TIME ZONE 'UTC')::date)
      OR (s.period = 'month' AND s.starts_on = usage_month(statement_timestamp()))
$$;

CREATE OR REPLACE FUNCTION wake_snoozed_conversations() RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  WITH woken AS (
    UPDATE conversations SET state = 'open', snoozed_until = NULL, updated_at = clock_timestamp()
     WHERE state = 'snoozed' AND snoozed_until <= statement_timestamp()
    RETURNING 1)
  SELECT count(*)::integer FROM woken
$$;

CREATE OR REPLACE FUNCTION media_to_work_at(most integer)
RETURNS TABLE (task text, workspace_id uuid, creator_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  (SELECT 'upload', u.workspace_id, u.creator_id, u.id
     FROM media_uploads u
    WHERE u.look_at <= statement_timestamp()
    ORDER BY u.look_at LIMIT most)
  UNION ALL
  (SELECT 'removal', r.workspace_id, r.creator_id, r.media_id
     FROM media_removals r
    ORDER BY r.requested_at LIMIT most)
  UNION ALL
  (SELECT 'schedule', s.workspace_id, s.creator_id, s.id
     FROM content_schedule s
    WHERE s.status = 'scheduled' AND s.at <= statement_timestamp()
    ORDER BY s.at LIMIT most)
$$;

CREATE OR REPLACE FUNCTION reply_tasks_due(most integer)
RETURNS TABLE (workspace_id uuid, conversation_id uuid, message_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT t.workspace_id, t.conversation_id, t.message_id
    FROM reply_tasks t
   WHERE t.state = 'waiting' AND t.due_at <= statement_timestamp()
     AND (t.leased_until IS NULL OR t.leased_until <= statement_timestamp())
     AND NOT EXISTS (
       SELECT FROM erasures e WHERE e.workspace_id = t.workspace_id AND e.kind = 'workspace'
          AND e.state IN ('scheduled', 'erasing', 'done'))
   ORDER BY t.due_at LIMIT most
$$;

CREATE OR REPLACE FUNCTION digests_due(at timestamptz, most integer)
RETURNS TABLE (workspace_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT d.workspace_id, d.user_id
    FROM (
      (SELECT p.workspace_id, p.user_id, p.next_digest_at FROM notification_preferences p
        WHERE p.digest <> 'off' AND p.emails AND p.next_digest_at IS NULL
        LIMIT most)
      UNION ALL
      (SELECT p.workspace_id, p.user_id, p.next_digest_at FROM notification_preferences p
        WHERE p.digest <> 'off' AND p.emails AND p.next_digest_at <= at
        ORDER BY p.next_digest_at NULLS FIRST LIMIT most)
    ) d
   ORDER BY d.next_digest_at NULLS FIRST
   LIMIT most
$$;

CREATE OR REPLACE FUNCTION billing_due()
RETURNS TABLE (workspace_id uuid, due text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT w.id, 'plan' FROM workspaces w
   WHERE w.plan <> 'free' AND w.plan_until <= statement_timestamp()
  UNION ALL
  SELECT a.workspace_id, 'usage' FROM billing_accounts a
   WHERE (SELECT max(m.used_at) FROM metered_usage m
           WHERE m.workspace_id = a.workspace_id AND m.report_id IS NULL)
         >= (SELECT min(s.created_at) FROM subscriptions s WHERE s.workspace_id = a.workspace_id)
      OR EXISTS (SELECT FROM usage_reports r
                  WHERE r.workspace_id = a.workspace_id AND r.sent_at IS NULL)
  UNION ALL
  SELECT e.workspace_id, 'end' FROM erasures e
   WHERE e.kind = 'workspace' AND e.state = 'erasing' AND e.billing_ended_at IS NULL
$$;

CREATE OR REPLACE FUNCTION workflow_figures()
RETURNS TABLE (running bigint, oldest_seconds double precision, waiting bigint,
               queue_seconds double precision, completed_today bigint, stopped_today bigint,
               failed_today bigint, last_success_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT r.count, extract(epoch FROM clock_timestamp() - r.oldest)::float8,
         r.waiting, extract(epoch FROM clock_timestamp() - r.first_in_line)::float8,
         e.completed, e.stopped, e.failed,
         (SELECT w.finished_at FROM workflows w
           WHERE w.status = 'completed' AND w.finished_at IS NOT NULL
           ORDER BY w.finished_at DESC LIMIT 1)
    FROM (SELECT count(*), min(w.started_at) AS oldest,
                 count(*) FILTER (WHERE w.execution_arn IS NULL) AS waiting,
                 min(w.started_at) FILTER (WHERE w.execution_arn IS NULL) AS first_in_line
            FROM workflows w WHERE w.status = 'running') r
   CROSS JOIN
         (SELECT count(*) FILTER (WHERE w.status = 'completed') AS completed,
                 count(*) FILTER (WHERE w.status = 'stopped') AS stopped,
                 count(*) FILTER (WHERE w.status = 'failed') AS failed
            FROM workflows w
           WHERE w.finished_at > statement_timestamp() - interval '24 hours') e
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
