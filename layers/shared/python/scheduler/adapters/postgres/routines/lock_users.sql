-- Lock what several users hold, one after the other in the lock order, making the rows of those who are new.
CREATE OR REPLACE FUNCTION lock_users(p_tenants text[], p_users text[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    owner record;
BEGIN
    FOR owner IN
        SELECT DISTINCT o.tenant_id, o.user_id FROM unnest(p_tenants, p_users) o (tenant_id, user_id) ORDER BY 1, 2
    LOOP
        PERFORM lock_usage(owner.tenant_id, owner.user_id);
    END LOOP;
END $$;
