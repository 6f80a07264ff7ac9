-- Move a coming reservation off a device that can no longer serve it, to another that fits; p_notice minutes before the start without
-- one, fail it: notice in good time. One whose device is only being wiped does not fail: it may be back by then. Outcomes: moved | failed | unmoved (nothing fits yet) | not_due. Without seqscan: see
-- claim_device.
CREATE OR REPLACE FUNCTION move_reservation(p_id uuid, p_terms quota_terms, p_notice int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    r      reservations := lock_reservation(NULL, NULL, p_id);
    at     timestamptz := scheduler_clock();
    most   device_size;
    device devices;
BEGIN
    IF r.id IS NULL OR r.status <> 'pending' OR r.starts_at <= at
       OR still_serves((SELECT d FROM devices d WHERE d.id = r.device_id), r) THEN
        RETURN jsonb_build_object('outcome', 'not_due');
    END IF;
    most := quota_ceiling(booking_usage(lock_usage(r.tenant_id, r.user_id), r.starts_at, r.ends_at, r.id), p_terms);
    device := reserve_device(r.tenant_id, reservation_wants(r), most, r.starts_at, r.ends_at, NULL, true);
    IF device.id IS NOT NULL THEN
        RETURN reservation_facts(rebind_reservation(r, r, device.id)) || jsonb_build_object('outcome', 'moved');
    ELSIF r.starts_at > at + make_interval(mins => p_notice) OR is_recycling(r.device_id) THEN
        RETURN jsonb_build_object('outcome', 'unmoved');
    END IF;
    r := end_reservation(r, 'failed', 'The device can no longer serve it, and no other that fits is free');
    RETURN reservation_facts(r) || jsonb_build_object('outcome', 'failed');
END $$;
