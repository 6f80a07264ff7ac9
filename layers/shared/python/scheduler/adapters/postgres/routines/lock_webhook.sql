-- Lock a webhook and give it (p_tenant NULL: of any tenant); NULL: there is none. What is decided about its deliveries is decided
-- under this lock.
CREATE OR REPLACE FUNCTION lock_webhook(p_webhook uuid, p_tenant text) RETURNS webhooks LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found webhooks;
BEGIN
    SELECT * INTO found FROM webhooks WHERE id = p_webhook AND tenant_id = coalesce(p_tenant, tenant_id) FOR UPDATE;
    RETURN found;
END $$;
