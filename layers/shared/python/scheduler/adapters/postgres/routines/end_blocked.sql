-- End up to p_limit active allocations of a user who is blocked, the oldest first; none when she is not. Settles: as
-- end_allocations, and against claims and what lifts the block (her usage row). Returns what was ended.
CREATE OR REPLACE FUNCTION end_blocked(p_tenant text, p_user text, p_limit int) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    held quota_usage := lock_usage(p_tenant, p_user);
BEGIN
    IF held.blocked THEN
        RETURN QUERY SELECT * FROM end_allocations(ARRAY(
            SELECT a.id FROM device_allocations a WHERE (a.tenant_id, a.user_id) = (p_tenant, p_user) AND a.status = 'allocated'
             ORDER BY a.allocated_at, a.id LIMIT p_limit), 'revoked');
    END IF;
END $$;
