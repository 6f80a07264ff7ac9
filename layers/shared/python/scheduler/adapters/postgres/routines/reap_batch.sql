-- Lock what all users of a batch hold, and end overdue allocations that stand in its way; returned, for the caller to count last.
-- Settles: batches that overlap (all usage rows first, the owners' of what is overdue among them, in one order), and sweeps and
-- renewals at the same time (rows that are busy are passed over, what is due is decided again under the locks).
CREATE OR REPLACE FUNCTION reap_batch(p_tenant text, p_items jsonb) RETURNS device_allocations[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    due        uuid[] := batch_overdue(p_tenant, p_items);
    tenants    text[];
    users      text[];
    locked     device_allocations[];
    allocation device_allocations;
    ended      device_allocations[] := '{}';
    at         timestamptz;
BEGIN
    SELECT array_agg(o.tenant_id), array_agg(o.user_id) INTO tenants, users
      FROM (SELECT i.tenant_id, i.user_id FROM batch_items(p_tenant, p_items, NULL) i WHERE i.refusal IS NULL
            UNION SELECT a.tenant_id, a.user_id FROM device_allocations a WHERE a.id = ANY (due)) o;
    PERFORM lock_users(tenants, users);
    locked := ARRAY(
        SELECT a FROM device_allocations a WHERE a.id = ANY (due) AND a.status = 'allocated' ORDER BY a.id FOR UPDATE SKIP LOCKED);
    PERFORM FROM devices d WHERE d.id IN (SELECT l.device_id FROM unnest(locked) l) ORDER BY d.id FOR UPDATE;
    at := scheduler_clock();

    FOREACH allocation IN ARRAY locked LOOP
        IF allocation.expires_at <= at THEN
            ended := ended || end_allocation(allocation, 'expired', at);
        END IF;
    END LOOP;
    RETURN ended;
END $$;
