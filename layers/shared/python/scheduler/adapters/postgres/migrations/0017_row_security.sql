-- Row-level security, the second wall between tenants: roles, which rows each sees, and what it may do. See decision 0021.

-- Roles belong to the cluster: another database's migration may make them at this very moment. They cannot log in: whoever deploys
-- lets them. scheduler_engine never can: it owns the few routines that must see all tenants within a request of one.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['scheduler_app', 'scheduler_worker', 'scheduler_relay', 'scheduler_readonly', 'scheduler_engine'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- somebody was faster
        END;
    END LOOP;
END $$;

-- The role that migrates has to give routines to the engine, and replace them later. The engine sees the sessions of the functions,
-- and, where that may be given, of everybody: the audit asks who holds the database up.
CREATE FUNCTION join_role(p_role text, p_member text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_has_role(p_member, p_role, 'USAGE') THEN
        EXECUTE format('GRANT %I TO %I', p_role, p_member);
    END IF;
EXCEPTION WHEN unique_violation OR internal_error THEN
    NULL;  -- another database's migration did it at this moment (an internal error: tuple concurrently updated)
END $$;
COMMENT ON FUNCTION join_role(text, text) IS 'Makes a role a member of another, whoever does so at the same time';
DO $$
BEGIN
    PERFORM join_role('scheduler_engine', current_user);
    PERFORM join_role(seen, 'scheduler_engine') FROM unnest(ARRAY['scheduler_app', 'scheduler_worker', 'scheduler_relay']) seen;
    BEGIN
        PERFORM join_role('pg_monitor', 'scheduler_engine');
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE NOTICE 'sessions of other roles than the functions'' stay unseen by the audit';
    END;
END $$;

-- What a tenant has to do with a device that is neither shared nor its own: it holds it, or was promised it, from before it was
-- dedicated to somebody else. Sees what its caller sees, so that what is found is the tenant's.
CREATE FUNCTION is_involved(p_device text, p_held_for uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM device_allocations WHERE device_id = p_device)
        OR EXISTS (SELECT FROM reservations WHERE device_id = p_device AND status IN ('pending', 'executing'))
        OR EXISTS (SELECT FROM queue_entries WHERE id = p_held_for)
$$;
COMMENT ON FUNCTION is_involved(text, uuid) IS 'Whether the acting tenant has to do with a device that is another''s';

-- Every table with rows of tenants gets this. p_own: what makes a row the acting tenant's own. scheduler_app without a tenant sees
-- nothing; an operator sees all; a worker that acts on nobody's behalf (a sweep, a queue) sees all, and in a request what the app
-- would. The role that migrates sees all too: it moves data, and the release before this one connects as it. CASE … IS NOT NULL
-- is the condition itself, put so that the planner believes it to leave nearly all rows: of the plain condition it believes the
-- opposite, and would order or limit a list by the wrong index.
CREATE FUNCTION raise_wall(p_table regclass, p_own text DEFAULT 'tenant_id = acting_tenant') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    tenant   text := 'NULLIF(current_setting(''app.tenant'', true), '''')';
    operator text := 'NULLIF(current_setting(''app.operator'', true), '''')';
    own      text := replace(p_own, 'acting_tenant', tenant);
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format('CREATE POLICY app ON %s TO scheduler_app USING (CASE WHEN %s OR %s IS NOT NULL THEN true END IS NOT NULL)',
                   p_table, own, operator);
    EXECUTE format('CREATE POLICY worker ON %s TO scheduler_worker USING (CASE WHEN %s IS NULL OR %s THEN true END IS NOT NULL)',
                   p_table, tenant, own);
    EXECUTE format('CREATE POLICY engine ON %s TO scheduler_engine USING (true)', p_table);
    EXECUTE format('CREATE POLICY readonly ON %s FOR SELECT TO scheduler_readonly USING (true)', p_table);
    EXECUTE format('CREATE POLICY migrating ON %s TO CURRENT_USER USING (true)', p_table);
END $$;
COMMENT ON FUNCTION raise_wall(regclass, text) IS 'Gives a table with rows of tenants its row-level security; later migrations call it for theirs';

SELECT raise_wall(walled::regclass)
  FROM unnest(ARRAY['device_allocations', 'quotas', 'quota_usage', 'idempotency_keys', 'outbox', 'allocation_counters', 'reservations',
                    'queue_entries', 'webhooks', 'user_standing', 'payment_failures', 'usage_records', 'notifications',
                    'notification_preferences']) walled;
SELECT raise_wall('allocation_renewals', 'EXISTS (SELECT FROM device_allocations a WHERE a.id = allocation_id)');
SELECT raise_wall('webhook_deliveries', 'EXISTS (SELECT FROM webhooks w WHERE w.id = webhook_id)');
SELECT raise_wall('devices', 'tenant_id IS NULL OR tenant_id = acting_tenant OR is_involved(id, held_for)');
CREATE POLICY relay ON outbox TO scheduler_relay USING (true);
-- The fleet grows by operators only. (A policy holds for the members of its role too, such as the engine: not this one.)
CREATE POLICY growth ON devices AS RESTRICTIVE FOR INSERT TO scheduler_app
    WITH CHECK (current_user <> 'scheduler_app' OR NULLIF(current_setting('app.operator', true), '') IS NOT NULL);

-- What each role may do. Nobody but the role that migrates changes the schema, or sees what was migrated. Whoever only looks is shown
-- everything but what gives access: no secret of a webhook, no answer kept under a key.
DO $$
DECLARE
    found text;
BEGIN
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'schema\_%' LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO scheduler_worker, scheduler_engine', found);
        IF found NOT IN ('webhooks', 'idempotency_keys') THEN
            EXECUTE format('GRANT SELECT ON %I TO scheduler_readonly', found);
        END IF;
    END LOOP;
END $$;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO scheduler_worker, scheduler_engine;
GRANT SELECT (id, tenant_id, slot, url, types, description, status, failures_in_row, failing_since, last_delivered_at, waiting,
              busy_until, next_attempt_at, created_at, disabled_at, disabled_reason) ON webhooks TO scheduler_readonly;
GRANT SELECT (tenant_id, caller, route, key, body_hash, created_at) ON idempotency_keys TO scheduler_readonly;
GRANT DELETE ON device_allocations, reservations, queue_entries, outbox, inbox, idempotency_keys, usage_records, notifications,
    webhooks, webhook_deliveries, payment_failures, audit_runs, reconciliations TO scheduler_worker;
GRANT DELETE ON webhook_deliveries TO scheduler_engine;

GRANT SELECT, INSERT, UPDATE ON device_allocations, allocation_renewals, quota_usage, reservations, queue_entries, idempotency_keys
    TO scheduler_app;
GRANT DELETE ON idempotency_keys TO scheduler_app;
GRANT SELECT, INSERT, UPDATE ON devices TO scheduler_app;
GRANT SELECT, INSERT ON spec_classes, usage_records TO scheduler_app;
GRANT SELECT ON device_heartbeats, quota_plans, quotas, allocation_counters, placement_strategy, fleet_policy TO scheduler_app;
GRANT INSERT ON outbox, inbox TO scheduler_app;

GRANT SELECT ON outbox TO scheduler_relay;
GRANT UPDATE (published_at) ON outbox TO scheduler_relay;
GRANT SELECT, INSERT, UPDATE ON leases TO scheduler_relay;
