-- Campaigns that an automation has come to launch, until they are launched: written with the step
-- that says so, so that neither a lost event nor a crash forgets one.
CREATE TABLE campaign_launches (
  workspace_id uuid NOT NULL,
  creator_id uuid NOT NULL,
  campaign_id uuid NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, campaign_id),
  FOREIGN KEY (workspace_id, creator_id, campaign_id)
    REFERENCES campaigns (workspace_id, creator_id, id) ON DELETE CASCADE
);
CALL protect_tenant_table('campaign_launches', 'workspace_id', 'creator_id');
GRANT SELECT, INSERT, DELETE ON campaign_launches TO app;
CALL open_to_gatekeeper('campaign_launches', 'SELECT');

GRANT CREATE ON SCHEMA public TO gatekeeper;

-- Not those of workspaces that are to be erased. The sweep then works in each one's own.
CREATE FUNCTION campaigns_to_launch()
RETURNS TABLE (workspace_id uuid, campaign_id uuid, move text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT l.workspace_id, l.campaign_id, 'launch'
    FROM campaign_launches l
   WHERE NOT EXISTS (
     SELECT FROM erasures e WHERE e.workspace_id = l.workspace_id AND e.kind = 'workspace'
        AND e.state IN ('scheduled', 'erasing', 'done'))
   ORDER BY l.asked_at LIMIT 100
$$;
ALTER FUNCTION campaigns_to_launch OWNER TO gatekeeper;
GRANT EXECUTE ON FUNCTION campaigns_to_launch TO app;

REVOKE CREATE ON SCHEMA public FROM gatekeeper;
