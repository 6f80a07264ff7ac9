-- What a user can have although no device that fits is free for her minutes: less time now, a smaller device now, all of it later,
-- a place in line; and when the next device may come free. Each is an offer that its own call decides again. Bounded: some index
-- probes a class. Called by a claim that refuses.
CREATE OR REPLACE FUNCTION alternatives(
    p_tenant text, p_user text, p_newcomer text, p_wants device_wants, p_most device_size, p_minutes int
) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    at       timestamptz := scheduler_now();
    bookable int := greatest(p_minutes, 15);  -- a reservation is not shorter
    starts   timestamptz;
    frees    timestamptz;
BEGIN
    starts := (SELECT w.starts_at FROM next_windows(
        p_tenant, p_wants, p_most, date_trunc('minute', at) + interval '2 minutes', bookable, 1) w);  -- time to take it
    frees := (SELECT min(soonest.busy_until) FROM fitting_classes(p_tenant, p_wants, p_most) c
               CROSS JOIN LATERAL (
                  SELECT d.busy_until FROM devices d
                   WHERE d.class_id = c.id AND d.status = 'running' AND d.life = 'in_service' AND d.busy_until > at
                     AND d.busy_until < 'infinity'  -- lent for good, as an import may have it
                   ORDER BY d.busy_until NULLS FIRST LIMIT 1) soonest);  -- the order of the index
    RETURN jsonb_build_object(
        'asked', jsonb_build_object(
            'tenantId', p_tenant, 'userId', p_user, 'durationMinutes', p_minutes, 'deviceType', p_wants.device_type,
            'minCpu', p_wants.min_cpu, 'minMemory', p_wants.min_memory_mb, 'minStorage', p_wants.min_storage_mb),
        'shorterMinutes', shorter_minutes(p_tenant, p_newcomer, p_wants, p_most, at, p_minutes),
        'smaller', smaller_specs(p_tenant, p_newcomer, p_wants, p_most, at + make_interval(mins => p_minutes)),
        'later', CASE WHEN starts IS NOT NULL THEN
            jsonb_build_object('startTime', wire_time(starts), 'durationMinutes', bookable) END,
        'canWait', NOT EXISTS (SELECT FROM queue_entries
                                WHERE status = 'waiting' AND (tenant_id, user_id) = (p_tenant, p_user))
               AND EXISTS (SELECT FROM fitting_classes(p_tenant, p_wants, p_most) c
                            CROSS JOIN LATERAL (
                               SELECT FROM devices d
                                WHERE d.class_id = c.id AND d.status = 'running' AND d.life IN ('in_service', 'recycling') LIMIT 1) any_device),
        'freesInSeconds', ceil(extract(epoch FROM frees - at)));
END $$;
