-- The next three windows from p_from on, by the API's names.
CREATE OR REPLACE FUNCTION window_facts(
    p_tenant text, p_wants device_wants, p_most device_size, p_from timestamptz, p_minutes int
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('startTime', wire_time(w.starts_at), 'endTime', wire_time(w.ends_at))
                              ORDER BY w.starts_at), '[]')
      FROM next_windows(p_tenant, p_wants, p_most, p_from, p_minutes, 3) w
$$;
