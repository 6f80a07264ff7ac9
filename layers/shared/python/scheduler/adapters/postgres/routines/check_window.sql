-- Whether a window can be booked, which live reservations stand in its way (the caller's own in full, of others the times), and
-- the next three windows of that length. p_user NULL: the tenant's are the caller's own; p_tenant NULL: all are.
CREATE OR REPLACE FUNCTION check_window(
    p_pool text, p_tenant text, p_user text, p_wants device_wants, p_starts timestamptz, p_ends timestamptz
) RETURNS jsonb LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
    minutes  int := ceil(extract(epoch FROM p_ends - p_starts) / 60);
    answer   jsonb := wrong_start(ARRAY[p_starts], scheduler_now());
    bookable boolean;
    taken    jsonb := '[]';
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    bookable := can_be_booked(p_pool, p_wants, p_starts, p_ends);
    IF NOT bookable THEN
        taken := (
            SELECT coalesce(jsonb_agg(CASE WHEN own.id IS NOT NULL THEN reservation_facts(own)
                       ELSE jsonb_build_object('startTime', wire_time(t.starts_at), 'endTime', wire_time(t.ends_at)) END
                       ORDER BY t.starts_at, t.reservation_id), '[]')
              FROM taken_windows(p_pool, p_wants, p_starts, p_ends) t
              LEFT JOIN reservations own ON own.id = t.reservation_id AND own.tenant_id = coalesce(p_tenant, own.tenant_id)
                                        AND own.user_id = coalesce(p_user, own.user_id));
    END IF;
    RETURN jsonb_build_object(
        'outcome', 'checked', 'hasConflict', NOT bookable, 'conflictingReservations', taken,
        'nextWindows', window_facts(p_pool, p_wants, NULL, p_starts, minutes));
END $$;
