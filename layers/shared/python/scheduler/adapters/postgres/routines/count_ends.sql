-- Count allocations that have just ended, a row a tenant in the order of tenants: two sweeps on one shard must not deadlock.
CREATE OR REPLACE FUNCTION count_ends(p_ended device_allocations[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    counted record;
BEGIN
    FOR counted IN
        SELECT e.tenant_id, (count(*) FILTER (WHERE e.status = 'released'))::int AS released,
               (count(*) FILTER (WHERE e.status = 'expired'))::int AS expired,
               (count(*) FILTER (WHERE e.status = 'revoked'))::int AS revoked
          FROM unnest(p_ended) e GROUP BY e.tenant_id ORDER BY e.tenant_id
    LOOP
        PERFORM count_allocations(counted.tenant_id, 0, counted.released, counted.expired, counted.revoked);
    END LOOP;
END $$;
