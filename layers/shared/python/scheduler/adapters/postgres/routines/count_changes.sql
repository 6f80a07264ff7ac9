-- Count what a batch has granted and ended, a row a tenant in the order of tenants: two batches on one shard must not deadlock.
-- p_granted: the tenant of each grant.
CREATE OR REPLACE FUNCTION count_changes(p_granted text[], p_ended device_allocations[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    counted record;
BEGIN
    FOR counted IN
        SELECT c.tenant_id, (count(*) FILTER (WHERE c.status = 'granted'))::int AS granted,
               (count(*) FILTER (WHERE c.status = 'released'))::int AS released,
               (count(*) FILTER (WHERE c.status = 'expired'))::int AS expired
          FROM (SELECT g.tenant_id, 'granted' AS status FROM unnest(p_granted) g (tenant_id)
                UNION ALL SELECT e.tenant_id, e.status FROM unnest(p_ended) e) c
         GROUP BY c.tenant_id ORDER BY c.tenant_id
    LOOP
        PERFORM count_allocations(counted.tenant_id, counted.granted, counted.released, counted.expired, 0);
    END LOOP;
END $$;
