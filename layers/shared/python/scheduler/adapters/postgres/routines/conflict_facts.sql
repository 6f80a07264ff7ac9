-- The facts of a booking for which no device could be had: the windows that are taken, and the next three that are not.
CREATE OR REPLACE FUNCTION conflict_facts(
    p_tenant text, p_wants device_wants, p_most device_size, p_taken timestamptz[], p_minutes int
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'outcome', 'reservation_conflict',
        'conflicts', (SELECT jsonb_agg(jsonb_build_object(
                             'startTime', wire_time(t.starts_at),
                             'endTime', wire_time(t.starts_at + make_interval(mins => p_minutes))) ORDER BY t.starts_at)
                        FROM unnest(p_taken) t (starts_at)),
        'nextWindows', window_facts(p_tenant, p_wants, p_most, p_taken[1], p_minutes))
$$;
