-- The device for a pending reservation that is wished otherwise now: its own where that still fits, else another. Facts:
-- fits with the device, which is locked | wrong_start | over_quota | reservation_conflict.
CREATE OR REPLACE FUNCTION refit_reservation(wish reservations, p_terms quota_terms) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    wants   device_wants := reservation_wants(wish);
    planned quota_usage;
    most    device_size;
    device  devices;
    refusal text;
    answer  jsonb := wrong_start(ARRAY[wish.starts_at], scheduler_clock());
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    planned := booking_usage(lock_usage(wish.tenant_id, wish.user_id), wish.starts_at, wish.ends_at, wish.id);
    most := quota_ceiling(planned, p_terms);
    refusal := coalesce(quota_refusal(planned, p_terms, scheduler_clock()), too_big_refusal(wish.tenant_id, wants, most));
    IF refusal IS NOT NULL THEN
        RETURN over_booked(planned, p_terms, refusal);
    END IF;

    SELECT * INTO device FROM devices WHERE id = wish.device_id;
    IF tstzrange(wish.starts_at, wish.ends_at) <@ (SELECT r.during FROM reservations r WHERE r.id = wish.id) THEN
        device.held_for := NULL;  -- for whomever it is kept, the window takes no more than before
    END IF;
    IF NOT (is_reservable(device, wish.starts_at, wish.ends_at, wish.id)
            AND EXISTS (SELECT FROM fitting_classes(wish.tenant_id, wants, most) c WHERE c.id = device.class_id)) THEN
        device := reserve_device(wish.tenant_id, wants, most, wish.starts_at, wish.ends_at, NULL, true);
    END IF;
    IF device.id IS NULL THEN
        RETURN conflict_facts(wish.tenant_id, wants, most, ARRAY[wish.starts_at], wish.duration_minutes);
    END IF;
    RETURN jsonb_build_object('outcome', 'fits', 'deviceId', device.id);
END $$;
