-- Lock what a user holds, making her row when she is new. First in the lock order: one user's requests go one by one.
CREATE OR REPLACE FUNCTION lock_usage(p_tenant text, p_user text) RETURNS quota_usage LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held quota_usage;
BEGIN
    SELECT * INTO held FROM quota_usage WHERE (tenant_id, user_id) = (p_tenant, p_user) FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO quota_usage (tenant_id, user_id) VALUES (p_tenant, p_user) ON CONFLICT DO NOTHING;
        SELECT * INTO held FROM quota_usage WHERE (tenant_id, user_id) = (p_tenant, p_user) FOR UPDATE;
    END IF;
    RETURN held;
END $$;
