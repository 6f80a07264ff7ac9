-- Book a wish for each of the starts, on the device of the one before where that is possible. Facts: booked, over_quota, or
-- taken with the starts for which no device could be had (the caller then undoes the others). Called with the usage row locked.
CREATE OR REPLACE FUNCTION book_each(wish reservations, held quota_usage, p_terms quota_terms, p_starts timestamptz[])
RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    wants   device_wants := reservation_wants(wish);
    planned quota_usage;
    most    device_size;
    device  devices;
    bound   text;
    refusal text;
    taken   timestamptz[] := '{}';
    booked  jsonb := '[]';
BEGIN
    FOREACH wish.starts_at IN ARRAY p_starts LOOP
        wish.ends_at := wish.starts_at + make_interval(mins => wish.duration_minutes);
        planned := booking_usage(held, wish.starts_at, wish.ends_at, NULL);
        refusal := quota_refusal(planned, p_terms, scheduler_clock());
        IF refusal IS NULL THEN
            most := quota_ceiling(planned, p_terms);
            refusal := too_big_refusal(wish.tenant_id, wants, most);
        END IF;
        IF refusal IS NOT NULL THEN
            RETURN over_booked(planned, p_terms, refusal);
        END IF;

        device := reserve_device(wish.tenant_id, wants, most, wish.starts_at, wish.ends_at, bound, taken = '{}');
        IF device.id IS NULL THEN
            taken := taken || wish.starts_at;
        ELSE
            bound := device.id;
            booked := booked || reservation_facts(bind_reservation(wish, bound, scheduler_clock()));
        END IF;
    END LOOP;
    IF taken <> '{}' THEN
        RETURN jsonb_build_object('outcome', 'taken', 'starts', to_jsonb(taken));
    END IF;
    RETURN jsonb_build_object('outcome', 'booked', 'reservations', booked);
END $$;
