-- End up to p_limit active allocations of a user that exceed the limits an event told, the oldest first, until those that stay are
-- within; none when a newer event told others. Settles: as revoke_user, and against newer limits (her usage row). Returns what was ended.
CREATE OR REPLACE FUNCTION end_excess(p_event text, p_tenant text, p_user text, p_limits quota_terms, p_limit int)
RETURNS SETOF device_allocations LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    excess uuid[];
BEGIN
    PERFORM lock_usage(p_tenant, p_user);
    IF NOT EXISTS (SELECT FROM user_standing s WHERE (s.tenant_id, s.user_id) = (p_tenant, p_user) AND s.quota_told_by = p_event) THEN
        RETURN;
    END IF;
    -- One exceeds when it and all that are newer are too many.
    excess := ARRAY(
        SELECT a.id FROM (
            SELECT id, allocated_at, count(*) OVER newer AS devices, sum(cpu_cores) OVER newer AS cpu_cores,
                   sum(memory_mb) OVER newer AS memory_mb, sum(storage_mb) OVER newer AS storage_mb
              FROM device_allocations WHERE (tenant_id, user_id) = (p_tenant, p_user) AND status = 'allocated'
            WINDOW newer AS (ORDER BY allocated_at DESC, id DESC)) a
         WHERE a.devices > p_limits.devices OR a.cpu_cores > p_limits.cpu_cores
            OR a.memory_mb > p_limits.memory_mb OR a.storage_mb > p_limits.storage_mb
         ORDER BY a.allocated_at, a.id LIMIT p_limit);
    IF excess <> '{}' THEN
        RETURN QUERY SELECT * FROM revoke_user(p_tenant, p_user, excess, 'The quota was lowered', p_limit);
    END IF;
END $$;
