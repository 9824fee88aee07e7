-- How much work the workers have, for their scaling and for who watches over it.

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- at_work: lanes that wait for a worker, and lanes that one drains.
-- stalled: lanes that may send, where a message or an order has been due for as long as patience
-- and nothing was done in the meantime. Who was stopped, by trouble or by a person, is not one.
CREATE FUNCTION lane_figures(patience interval)
RETURNS TABLE (at_work bigint, stalled bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT
    (SELECT count(*)
       FROM (SELECT lanes_with_due_work()
             UNION SELECT lanes_to_reconcile()
             UNION SELECT creator_id FROM creator_lanes WHERE leased_until >= clock_timestamp())
         AS lanes),
    (SELECT count(*)
       FROM creator_lanes l
      WHERE l.status = 'active' AND NOT l.kill_switch
        AND coalesce(l.last_progress_at, '-infinity') < clock_timestamp() - patience
        AND NOT EXISTS (
          SELECT FROM kill_switches k WHERE k.scope IN ('all', 'profile:' || l.platform))
        AND NOT EXISTS (
          SELECT FROM lane_restores r
           WHERE r.creator_id = l.creator_id AND r.reconciled_at IS NULL)
        AND (
          EXISTS (
            SELECT FROM creator_commands c
             WHERE c.creator_id = l.creator_id AND c.state IN ('waiting', 'running')
               AND c.due_at < clock_timestamp() - patience)
          OR EXISTS (
            SELECT FROM sends s
             WHERE s.creator_id = l.creator_id AND s.state = 'planned' AND s.campaign_id IS NULL
               AND s.due_at < clock_timestamp() - patience)
          OR EXISTS (
            SELECT FROM campaigns c JOIN sends s ON s.campaign_id = c.id
             WHERE c.creator_id = l.creator_id AND c.status = 'sending' AND s.state = 'planned'
               AND s.due_at < clock_timestamp() - patience)
          OR EXISTS (
            SELECT FROM sends s
             WHERE s.creator_id = l.creator_id AND s.state = 'submitting'
               AND s.readable_at < clock_timestamp() - patience)))
$$;
ALTER FUNCTION lane_figures OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION lane_figures TO relay;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
