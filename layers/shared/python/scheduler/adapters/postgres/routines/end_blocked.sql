-- End up to p_limit active allocations of a user who is blocked, the oldest first; none when she is not. Settles: as revoke_user,
-- and against what lifts the block (her usage row). Returns what was ended.
CREATE OR REPLACE FUNCTION end_blocked(p_tenant text, p_user text, p_limit int) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held quota_usage := lock_usage(p_tenant, p_user);
BEGIN
    IF held.blocked THEN
        RETURN QUERY SELECT * FROM revoke_user(p_tenant, p_user, NULL, held.blocked_reason, p_limit);
    END IF;
END $$;
