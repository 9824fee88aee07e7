-- What a cancelled or failed campaign still has planned is moved to its end.
--
-- A cancellation sets the status first and the rows after it; between the two a process may die, and
-- a message that was being submitted may come back as planned. A week is longer than either takes.

GRANT CREATE ON SCHEMA public TO gatekeeper;

CREATE OR REPLACE FUNCTION campaigns_to_move()
RETURNS TABLE (workspace_id uuid, campaign_id uuid, move text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT c.workspace_id, c.id,
         CASE
           WHEN c.status IN ('cancelled', 'failed') THEN 'cancel'
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
      OR (c.status IN ('cancelled', 'failed')
          AND c.finished_at > statement_timestamp() - interval '7 days'
          AND EXISTS (
            SELECT FROM sends s WHERE s.campaign_id = c.id AND s.state = 'planned'))
$$;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
