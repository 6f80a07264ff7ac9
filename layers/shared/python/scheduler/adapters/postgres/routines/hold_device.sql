-- Keep a device for the first of the line who has waited p_minutes, fits few devices and could have this one when it comes back. The
-- one that comes back soonest, of a thousand of each class; one a waiter. So her turn comes although small requests take each big
-- device that frees, and although bookings would fill its calendar. Outcomes: held | none. Settles: holding against the end of her
-- wait (her usage row) and of the device's service (its lock); dispatchers at the same time (the gate).
CREATE OR REPLACE FUNCTION hold_device(p_minutes int) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    entry  queue_entries;
    held   quota_usage;
    chosen text;
BEGIN
    PERFORM FROM queue_gate FOR UPDATE;
    FOR entry IN
        SELECT e.* FROM (SELECT * FROM queue_entries WHERE status = 'waiting' ORDER BY rank, id LIMIT 1000) e
         WHERE e.joined_at <= scheduler_now() - make_interval(mins => p_minutes)
           AND NOT EXISTS (SELECT FROM devices d WHERE d.held_for = e.id)
         ORDER BY e.rank, e.id LIMIT 200
    LOOP
        SELECT * INTO held FROM quota_usage WHERE (tenant_id, user_id) = (entry.tenant_id, entry.user_id);
        chosen := device_to_hold(entry, held, scheduler_clock());
        CONTINUE WHEN chosen IS NULL;

        PERFORM FROM quota_usage WHERE (tenant_id, user_id) = (entry.tenant_id, entry.user_id) FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        PERFORM FROM devices WHERE id = chosen FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        UPDATE devices SET held_for = entry.id
         WHERE id = chosen AND held_for IS NULL AND status = 'running' AND life = 'in_service'
           AND EXISTS (SELECT FROM queue_entries WHERE id = entry.id AND status = 'waiting');
        IF FOUND THEN
            RETURN jsonb_build_object('outcome', 'held', 'entryId', entry.id, 'deviceId', chosen,
                                      'userId', entry.user_id, 'tenantId', entry.tenant_id);
        END IF;
    END LOOP;
    RETURN jsonb_build_object('outcome', 'none');
END $$;
