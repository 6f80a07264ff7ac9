-- End up to p_limit active allocations of a user as revoked, the oldest first: those of p_ids, or (NULL) all. Settles: revoking
-- against release, renewal, expiry and failover (her usage row first, then the allocations, then their devices, each in order; a
-- busy one is waited for). Returns what was ended.
CREATE OR REPLACE FUNCTION revoke_user(p_tenant text, p_user text, p_ids uuid[], p_reason text, p_limit int)
RETURNS SETOF device_allocations LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    chosen     uuid[];
    allocation device_allocations;
    ended      device_allocations[] := '{}';
    at         timestamptz;
BEGIN
    PERFORM lock_usage(p_tenant, p_user);
    chosen := ARRAY(
        SELECT a.id FROM device_allocations a
         WHERE (a.tenant_id, a.user_id) = (p_tenant, p_user) AND a.status = 'allocated' AND (p_ids IS NULL OR a.id = ANY (p_ids))
         ORDER BY a.allocated_at, a.id LIMIT p_limit);
    PERFORM FROM device_allocations WHERE id = ANY (chosen) ORDER BY id FOR UPDATE;
    PERFORM FROM devices d WHERE d.id IN (SELECT a.device_id FROM device_allocations a WHERE a.id = ANY (chosen))
      ORDER BY d.id FOR UPDATE;
    at := scheduler_clock();
    FOR allocation IN SELECT * FROM device_allocations WHERE id = ANY (chosen) AND status = 'allocated' ORDER BY allocated_at, id LOOP
        ended := ended || revoke_locked(allocation, p_reason, at);
    END LOOP;
    PERFORM count_ends(ended);
    RETURN QUERY SELECT * FROM unnest(ended);
END $$;
