-- Roles, clock-ordered ids and the guard that every tenant table goes through.

-- Roles by purpose; none owns a table and none bypasses row level security. `migrate` sets their
-- passwords from the secrets of the stage. `gatekeeper` cannot log in: it owns the few SECURITY
-- DEFINER functions that are rightly cross-tenant, and policies name what it may see.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['app', 'worker', 'authorizer', 'identity', 'intake', 'relay'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT NOCREATEDB NOCREATEROLE', name);
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gatekeeper') THEN
    CREATE ROLE gatekeeper NOLOGIN NOINHERIT NOCREATEDB NOCREATEROLE;
  END IF;
  EXECUTE format('GRANT gatekeeper TO %I', current_user);
END
$$;

-- A worker that is stopped inside a transaction must not keep its lane locked for longer.
ALTER ROLE worker SET idle_in_transaction_session_timeout = '10s';

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app, worker, authorizer, identity, intake, relay, gatekeeper;
-- Needed once for each ALTER FUNCTION … OWNER TO gatekeeper.
GRANT CREATE ON SCHEMA public TO gatekeeper;
-- For the whole database: within a schema, defaults can only be added to, never taken away from.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- UUIDv7 (RFC 9562): 48 bits of milliseconds, version, variant, random rest. Postgres 18 has
-- uuidv7(); RDS runs 17.
CREATE FUNCTION uuid7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
  SELECT encode(
    set_bit(
      set_bit(
        overlay(
          uuid_send(gen_random_uuid())
          PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
          FROM 1 FOR 6
        ), 52, 1
      ), 53, 1
    ), 'hex'
  )::uuid
$$;
GRANT EXECUTE ON FUNCTION uuid7() TO PUBLIC;

-- Outside a tenant transaction the setting is missing or empty, and the query fails instead of
-- leaking. A chatter's scope is a comma-separated list of creators; '*' is every creator, and an
-- empty list sees nothing.
CREATE PROCEDURE protect_tenant_table(target regclass, tenant_column name, by_creator name)
LANGUAGE plpgsql
AS $$
DECLARE
  tenant_rule text := format(
    '%I = (SELECT current_setting(''app.workspace_id''))::uuid', tenant_column);
  scope_rule text;
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY tenant ON %s TO app, worker USING (%s) WITH CHECK (%s)',
                 target, tenant_rule, tenant_rule);
  IF by_creator IS NOT NULL THEN
    scope_rule := format(
      '(SELECT current_setting(''app.creator_scope'')) = ''*'' OR %I = ANY'
      ' ((SELECT string_to_array(current_setting(''app.creator_scope''), '',''))::uuid[])',
      by_creator);
    EXECUTE format('CREATE POLICY creator_scope ON %s AS RESTRICTIVE TO app USING (%s) WITH CHECK (%s)',
                   target, scope_rule, scope_rule);
  END IF;
END
$$;

-- Opens one table to the definer functions, for the named privileges only.
CREATE PROCEDURE open_to_gatekeeper(target regclass, privileges text)
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('GRANT %s ON %s TO gatekeeper', privileges, target);
  EXECUTE format('CREATE POLICY gatekeeper ON %s TO gatekeeper USING (true) WITH CHECK (true)', target);
END
$$;
