-- End allocations, whatever ends them: status, device, usage, counters and one event each, in one statement after all locks.
-- p_as: released | expired | revoked; one whose time is over ends as expired in any case, and one that is not due is never
-- expired (it may have been renewed since it was picked). Settles: enders racing for a row (usage rows first, then the
-- allocation, then the device). Users whose row is busy are passed over: a sweep comes again, a release has locked hers before.
CREATE OR REPLACE FUNCTION end_allocations(p_ids uuid[], p_as text) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    locked uuid[];
    at     timestamptz;
BEGIN
    locked := ARRAY(
        SELECT a.id FROM device_allocations a
          JOIN (SELECT u.tenant_id, u.user_id FROM quota_usage u
                 WHERE (u.tenant_id, u.user_id) IN (SELECT o.tenant_id, o.user_id FROM device_allocations o WHERE o.id = ANY (p_ids))
                 ORDER BY u.tenant_id, u.user_id FOR UPDATE SKIP LOCKED) mine USING (tenant_id, user_id)
         WHERE a.id = ANY (p_ids));
    locked := ARRAY(
        SELECT id FROM device_allocations WHERE id = ANY (locked) AND status = 'allocated' ORDER BY id FOR UPDATE SKIP LOCKED);
    PERFORM FROM devices d
      WHERE d.id IN (SELECT device_id FROM device_allocations WHERE id = ANY (locked)) ORDER BY d.id FOR UPDATE;
    at := scheduler_clock();

    RETURN QUERY
    WITH ended AS (
        UPDATE device_allocations a
           SET status = CASE WHEN a.expires_at <= at THEN 'expired' ELSE p_as END, released_at = at,
               duration_seconds = greatest(floor(extract(epoch FROM least(at, a.expires_at) - a.allocated_at)), 0)
         WHERE a.id = ANY (locked) AND (p_as <> 'expired' OR a.expires_at <= at)
        RETURNING a.*
    ), freed AS (
        UPDATE devices d SET active_allocation_id = NULL, busy_until = NULL
          FROM ended e WHERE d.id = e.device_id AND d.active_allocation_id = e.id
    ), returned AS (
        UPDATE quota_usage u
           SET devices = greatest(u.devices - given.devices, 0), cpu_cores = greatest(u.cpu_cores - given.cpu_cores, 0),
               memory_mb = greatest(u.memory_mb - given.memory_mb, 0), storage_mb = greatest(u.storage_mb - given.storage_mb, 0)
          FROM (SELECT e.tenant_id, e.user_id, count(*) AS devices, sum(e.cpu_cores) AS cpu_cores,
                       sum(e.memory_mb) AS memory_mb, sum(e.storage_mb) AS storage_mb
                  FROM ended e GROUP BY e.tenant_id, e.user_id) given
         WHERE (u.tenant_id, u.user_id) = (given.tenant_id, given.user_id)
    ), told AS (
        INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
        SELECT told.type, told.subject, e.device_id, e.tenant_id, told.data, at
          FROM ended e CROSS JOIN LATERAL end_event(e) told
    ), counted AS (
        SELECT count_allocations(t.tenant_id, 0, t.released, t.expired, t.revoked)
          FROM (SELECT e.tenant_id, (count(*) FILTER (WHERE e.status = 'released'))::int AS released,
                       (count(*) FILTER (WHERE e.status = 'expired'))::int AS expired,
                       (count(*) FILTER (WHERE e.status = 'revoked'))::int AS revoked
                  FROM ended e GROUP BY e.tenant_id ORDER BY e.tenant_id) t
    )
    SELECT e.* FROM ended e WHERE (SELECT count(*) FROM counted) >= 0;
END $$;
