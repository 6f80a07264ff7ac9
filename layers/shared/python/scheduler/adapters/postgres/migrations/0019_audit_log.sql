-- What operators changed: who, by which request, and each row's changed columns before and after. Written by triggers, in the
-- transaction of the change, so that no way past the log exists; nobody else's change pays more than a look at a setting.

CREATE TABLE audit_log (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    at             timestamptz  NOT NULL,
    operator       varchar(255) NOT NULL,
    route          varchar(255),
    correlation_id varchar(100),
    kind           varchar(50)  NOT NULL,
    entity_id      varchar(255) NOT NULL,
    tenant_id      varchar(255),
    change         varchar(10)  NOT NULL CHECK (change IN ('insert', 'update', 'delete')),
    before         jsonb,
    after          jsonb,
    CHECK ((before IS NULL) = (change = 'insert')),
    CHECK ((after IS NULL) = (change = 'delete'))
);
COMMENT ON TABLE audit_log IS 'What operators changed, a row an entity; it only grows, until retention';
COMMENT ON COLUMN audit_log.operator IS 'Subject of the operator''s token';
COMMENT ON COLUMN audit_log.route IS 'Method and path of the request, which may change several rows';
COMMENT ON COLUMN audit_log.correlation_id IS 'Of the request, as in the log''s lines';
COMMENT ON COLUMN audit_log.kind IS 'What was changed: device, allocation, queue_entry, …';
COMMENT ON COLUMN audit_log.tenant_id IS 'Whose it is; NULL: the platform''s';
COMMENT ON COLUMN audit_log.before IS 'The changed columns as they were; NULL: there was nothing';
COMMENT ON COLUMN audit_log.after IS 'The changed columns as they are; NULL: nothing is left';

CREATE INDEX audit_log_by_time ON audit_log (at DESC, id DESC);
CREATE INDEX audit_log_by_operator ON audit_log (operator, at DESC, id DESC);
CREATE INDEX audit_log_by_entity ON audit_log (entity_id, at DESC, id DESC);

-- Operators alone look at it, and the cleanup deletes; the rest is what note_act writes as the engine.
SELECT raise_wall('audit_log', 'false');
REVOKE INSERT, UPDATE ON audit_log FROM scheduler_worker, scheduler_engine;
GRANT INSERT ON audit_log TO scheduler_engine;
GRANT SELECT ON audit_log TO scheduler_app, scheduler_worker, scheduler_readonly;
GRANT DELETE, UPDATE (id) ON audit_log TO scheduler_worker;  -- UPDATE: to lock what it deletes; no entry changes, see keep_act

-- Passes the wall: who may change a device must not be able to write here in any other way.
CREATE FUNCTION note_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    -- Secrets, what follows from other columns, and the row's own housekeeping.
    hidden CONSTANT text[] := ARRAY['secret', 'is_free', 'class_id', 'placement_score', 'during', 'decision', 'created_at', 'updated_at'];
    act    jsonb := coalesce(NULLIF(current_setting('app.act', true), '')::jsonb, '{}');
    old_row jsonb := to_jsonb(OLD);
    new_row jsonb := to_jsonb(NEW);
    entity  jsonb := CASE TG_OP WHEN 'DELETE' THEN old_row ELSE new_row END;
    was     jsonb;
    became  jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(key, value), jsonb_object_agg(key, new_row -> key) INTO was, became
          FROM jsonb_each(old_row - hidden) WHERE value IS DISTINCT FROM new_row -> key;
        IF was IS NULL THEN
            RETURN NULL;
        END IF;
    ELSIF TG_OP = 'INSERT' THEN
        became := jsonb_strip_nulls(new_row - hidden);
    ELSE
        was := jsonb_strip_nulls(old_row - hidden);
    END IF;
    INSERT INTO audit_log (at, operator, route, correlation_id, kind, entity_id, tenant_id, change, before, after)
    VALUES (scheduler_clock(), current_setting('app.operator'), act ->> 'route', NULLIF(act ->> 'correlationId', ''),
            TG_ARGV[0], entity ->> TG_ARGV[1], entity ->> 'tenant_id', lower(TG_OP), was, became);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION note_act() IS 'Writes down what an operator''s statement did to a row; arguments: kind, column of the id';

-- Whatever rights a role has: what happened is not rewritten, and forgotten only once it is old.
CREATE FUNCTION keep_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < scheduler_clock() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'insufficient_privilege';
END $$;
COMMENT ON FUNCTION keep_act() IS 'Lets nobody change an entry of the audit log, or delete a young one';
CREATE TRIGGER audit_log_kept BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION keep_act();

-- A request of nobody else gets further than the look at the setting.
DO $$
DECLARE
    watched text[];
BEGIN
    FOREACH watched SLICE 1 IN ARRAY ARRAY[
        ['devices', 'device', 'id'], ['device_allocations', 'allocation', 'id'], ['queue_entries', 'queue_entry', 'id'],
        ['reservations', 'reservation', 'id'], ['webhooks', 'webhook', 'id'], ['notifications', 'notification', 'id'],
        ['notification_preferences', 'notification_preferences', 'user_id'], ['quotas', 'quota', 'user_id'],
        ['quota_plans', 'quota_plan', 'name'], ['placement_strategy', 'placement_strategy', 'name']] LOOP
        EXECUTE format(
            'CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW'
            ' WHEN (coalesce(current_setting(''app.operator'', true), '''') <> '''') EXECUTE FUNCTION note_act(%L, %L)',
            watched[1] || '_acts', watched[1], watched[2], watched[3]);
    END LOOP;
END $$;
