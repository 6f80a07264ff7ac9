-- Lock active allocations of a tenant (NULL: of any) in the lock order: what their holders hold, then they, then their devices.
-- Settles: batches that overlap, and a batch against release, renewal and expiry. Returns the ids of those that were locked.
CREATE OR REPLACE FUNCTION lock_allocations(p_tenant text, p_ids uuid[]) RETURNS uuid[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    tenants text[];
    users   text[];
    locked  device_allocations[];
BEGIN
    SELECT array_agg(a.tenant_id), array_agg(a.user_id), array_agg(a.id) INTO tenants, users, p_ids
      FROM device_allocations a
     WHERE a.id = ANY (p_ids) AND a.status = 'allocated' AND a.tenant_id = coalesce(p_tenant, a.tenant_id);
    PERFORM lock_users(tenants, users);
    locked := ARRAY(
        SELECT a FROM device_allocations a WHERE a.id = ANY (p_ids) AND a.status = 'allocated' ORDER BY a.id FOR UPDATE);
    PERFORM FROM devices d WHERE d.id IN (SELECT l.device_id FROM unnest(locked) l) ORDER BY d.id FOR UPDATE;
    RETURN ARRAY(SELECT l.id FROM unnest(locked) l);
END $$;
