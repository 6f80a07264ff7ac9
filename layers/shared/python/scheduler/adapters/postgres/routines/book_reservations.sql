-- Promise a device for a window, or one for each window of a series: all or none. Settles: bookings racing for a device
-- (take_reservable_device; the EXCLUDE constraint is the last line of defence), bookings against claims (next_reserved_at on the
-- device's own row, changed under its lock), one user racing with herself (her usage row), the same request twice (its key).
-- Outcomes: booked | wrong_start | over_quota | reservation_conflict. Without seqscan: see claim_device.
CREATE OR REPLACE FUNCTION book_reservations(
    p_booking jsonb, p_terms quota_terms, p_starts timestamptz[], p_key request_key
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    wish   reservations := jsonb_populate_record(NULL::reservations, p_booking);
    held   quota_usage;
    answer jsonb;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    held := lock_usage(wish.tenant_id, wish.user_id);
    answer := wrong_start(p_starts, scheduler_clock());
    IF answer IS NOT NULL THEN
        RETURN close_request(p_key, answer);
    END IF;

    wish.series_id := CASE WHEN cardinality(p_starts) > 1 THEN gen_random_uuid() END;
    BEGIN
        answer := book_each(wish, held, p_terms, p_starts);
        IF answer ->> 'outcome' <> 'booked' THEN
            RAISE EXCEPTION USING ERRCODE = 'SB001';  -- undoes what was booked; the answer stays
        END IF;
    EXCEPTION
        WHEN SQLSTATE 'SB001' THEN NULL;
    END;
    IF answer ->> 'outcome' = 'taken' THEN
        answer := conflict_facts(
            wish.tenant_id, reservation_wants(wish), quota_ceiling(booking_usage(held, NULL, NULL, NULL), p_terms),
            ARRAY(SELECT t.starts_at::timestamptz FROM jsonb_array_elements_text(answer -> 'starts') t (starts_at)),
            wish.duration_minutes);
    END IF;
    RETURN close_request(p_key, answer);
END $$;
