-- Add to a tenant's running totals. Last in the lock order; a shard a backend, so that a busy tenant is not one hot row.
CREATE OR REPLACE FUNCTION count_allocations(p_tenant text, p_granted int, p_released int, p_expired int, p_revoked int)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    INSERT INTO allocation_counters AS c (tenant_id, shard, granted, released, expired, revoked)
    VALUES (p_tenant, pg_backend_pid() % 64, p_granted, p_released, p_expired, p_revoked)
    ON CONFLICT (tenant_id, shard) DO UPDATE
       SET granted = c.granted + excluded.granted, released = c.released + excluded.released,
           expired = c.expired + excluded.expired, revoked = c.revoked + excluded.revoked
$$;
