-- End several active allocations at one instant, each table in one statement, as end_allocation ends one. Called with their usage
-- rows, themselves and their devices locked, and with the clock read after that. One that is not due is never expired: it may have
-- been renewed since it was picked. A user's are added up first: a row that one statement writes twice is written once.
CREATE OR REPLACE FUNCTION end_together(p_ids uuid[], p_as text, p_at timestamptz) RETURNS device_allocations[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    ended device_allocations[];
    wiped boolean := coalesce((SELECT recycles FROM fleet_policy), false);
BEGIN
    WITH gone AS (
        UPDATE device_allocations
           SET status = CASE WHEN expires_at <= p_at THEN 'expired' ELSE p_as END, released_at = p_at,
               duration_seconds = least(greatest(floor(extract(epoch FROM least(p_at, expires_at) - allocated_at)), 0), 2147483647)
         WHERE id = ANY (p_ids) AND (p_as <> 'expired' OR expires_at <= p_at)
        RETURNING *)
    SELECT array_agg(gone ORDER BY gone.id) INTO ended FROM gone;

    UPDATE devices d
       SET active_allocation_id = NULL, busy_until = NULL,
           failures_in_row = CASE WHEN e.status <> 'revoked' THEN 0 ELSE d.failures_in_row END,
           life = CASE WHEN wiped AND d.life = 'in_service' THEN 'recycling' ELSE d.life END,
           recycling_since = CASE WHEN wiped AND d.life = 'in_service' THEN p_at ELSE d.recycling_since END
      FROM unnest(ended) e
     WHERE d.id = e.device_id AND d.active_allocation_id = e.id;

    UPDATE reservations r SET status = 'completed'
      FROM unnest(ended) e WHERE e.reservation_id IS NOT NULL AND r.id = e.reservation_id AND r.status = 'executing';

    UPDATE quota_usage u
       SET devices = greatest(u.devices - given.devices, 0), cpu_cores = greatest(u.cpu_cores - given.cpu_cores, 0),
           memory_mb = greatest(u.memory_mb - given.memory_mb, 0), storage_mb = greatest(u.storage_mb - given.storage_mb, 0)
      FROM (SELECT tenant_id, user_id, count(*)::int AS devices, sum(cpu_cores)::int AS cpu_cores, sum(memory_mb) AS memory_mb,
                   sum(storage_mb) AS storage_mb FROM unnest(ended) e GROUP BY tenant_id, user_id) given
     WHERE u.tenant_id = given.tenant_id AND u.user_id = given.user_id;

    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    SELECT told.type, told.subject, e.device_id, e.tenant_id, told.data, p_at FROM unnest(ended) e, end_event(e) told;

    RETURN ended;
END $$;
