-- End several allocations in one transaction. Settles: enders racing for a row (usage rows first, then the allocations, then the
-- devices, each in order). Users and allocations that are busy are passed over: a sweep comes again. One that is not due is never
-- expired: it may have been renewed since it was picked. Without seqscan: a plan made while the tables were small must not stay.
CREATE OR REPLACE FUNCTION end_allocations(p_ids uuid[], p_as text) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    mine       uuid[];
    locked     device_allocations[];
    allocation device_allocations;
    ended      device_allocations[] := '{}';
    at         timestamptz;
BEGIN
    mine := ARRAY(
        SELECT a.id FROM device_allocations a
          JOIN (SELECT u.tenant_id, u.user_id FROM quota_usage u
                 WHERE (u.tenant_id, u.user_id) IN (SELECT o.tenant_id, o.user_id FROM device_allocations o WHERE o.id = ANY (p_ids))
                 ORDER BY u.tenant_id, u.user_id FOR UPDATE SKIP LOCKED) held USING (tenant_id, user_id)
         WHERE a.id = ANY (p_ids));
    locked := ARRAY(
        SELECT a FROM device_allocations a WHERE a.id = ANY (mine) AND a.status = 'allocated' ORDER BY a.id FOR UPDATE SKIP LOCKED);
    PERFORM FROM devices d WHERE d.id IN (SELECT l.device_id FROM unnest(locked) l) ORDER BY d.id FOR UPDATE;
    at := scheduler_clock();

    FOREACH allocation IN ARRAY locked LOOP
        IF p_as <> 'expired' OR allocation.expires_at <= at THEN
            ended := ended || end_allocation(allocation, p_as, at);
        END IF;
    END LOOP;
    PERFORM count_ends(ended);
    RETURN QUERY SELECT * FROM unnest(ended);
END $$;
