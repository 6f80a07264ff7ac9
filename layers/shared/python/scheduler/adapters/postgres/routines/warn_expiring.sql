-- Tell the holders of up to p_limit allocations that end within ten minutes, each once for each end: a renewal makes its own end
-- be told again. Settles: two runs at once, and warnings against renewals and ends (the allocation first, passed over when it is
-- busy, then its device, which keeps the device's events in order; who was passed over is told by the next run). What lasts no
-- longer than ten minutes is not warned of. Without seqscan: few are due, which the planner cannot know.
CREATE OR REPLACE FUNCTION warn_expiring(p_limit int) RETURNS int LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    due   device_allocations[];
    at    timestamptz;
    told  int;
BEGIN
    due := ARRAY(
        SELECT a FROM device_allocations a
         WHERE a.status = 'allocated' AND NOT a.is_warned AND a.expires_at - a.allocated_at > interval '10 minutes'
           AND a.expires_at > scheduler_now() AND a.expires_at <= scheduler_now() + interval '10 minutes'
         ORDER BY a.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED);
    PERFORM FROM devices d WHERE d.id IN (SELECT l.device_id FROM unnest(due) l) ORDER BY d.id FOR UPDATE;
    at := scheduler_clock();

    WITH warned AS (
        UPDATE device_allocations a SET is_warned = true
         WHERE a.id IN (SELECT l.id FROM unnest(due) l) AND a.expires_at > at
        RETURNING a.*
    ), events AS (
        INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
        SELECT 'scheduler.allocation.expiring_soon', w.id, w.device_id, w.tenant_id,
               jsonb_build_object(
                   'allocationId', w.id, 'deviceId', w.device_id, 'userId', w.user_id, 'tenantId', w.tenant_id,
                   'allocatedAt', wire_time(w.allocated_at), 'expiresAt', wire_time(w.expires_at),
                   'remainingSeconds', floor(extract(epoch FROM w.expires_at - at))::int), at
          FROM warned w ORDER BY w.expires_at
        RETURNING 1
    )
    SELECT count(*)::int INTO told FROM events;
    RETURN told;
END $$;
