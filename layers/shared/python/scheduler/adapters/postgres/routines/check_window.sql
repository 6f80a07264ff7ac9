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
    bookable := EXISTS (
        SELECT FROM fitting_classes(p_pool, p_wants, NULL) c
         CROSS JOIN LATERAL (SELECT FROM reservable_devices(c.id, p_starts, p_ends) LIMIT 1) device);
    IF NOT bookable THEN
        taken := (
            SELECT coalesce(jsonb_agg(CASE
                       WHEN r.tenant_id = coalesce(p_tenant, r.tenant_id) AND r.user_id = coalesce(p_user, r.user_id)
                       THEN reservation_facts(r)
                       ELSE jsonb_build_object('startTime', wire_time(r.starts_at), 'endTime', wire_time(r.ends_at)) END
                       ORDER BY r.starts_at, r.id), '[]')
              FROM (SELECT l.* FROM fitting_classes(p_pool, p_wants, NULL) c
                      JOIN devices d ON d.class_id = c.id AND d.status = 'running' AND d.life = 'in_service'
                      JOIN reservations l ON l.device_id = d.id AND l.status IN ('pending', 'executing')
                                         AND l.during && tstzrange(p_starts, p_ends)
                     LIMIT 100) r);
    END IF;
    RETURN jsonb_build_object(
        'outcome', 'checked', 'hasConflict', NOT bookable, 'conflictingReservations', taken,
        'nextWindows', window_facts(p_pool, p_wants, NULL, p_starts, minutes));
END $$;
