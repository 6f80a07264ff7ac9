-- The first instant from p_from on at which no pending reservation stands on a device for p_minutes. Pending reservations of a
-- device never overlap, so that the gap after each ends where the next begins.
CREATE OR REPLACE FUNCTION next_gap(p_device text, p_from timestamptz, p_minutes int) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT gap.begins_at
      FROM (SELECT b.ends_at AS begins_at, lead(b.starts_at) OVER (ORDER BY b.starts_at) AS ends_at
              FROM (SELECT '-infinity'::timestamptz AS starts_at, p_from AS ends_at
                    UNION ALL
                    SELECT r.starts_at, r.ends_at FROM reservations r
                     WHERE r.device_id = p_device AND r.status = 'pending' AND r.ends_at > p_from
                       AND r.starts_at > p_from - interval '24 hours') b) gap  -- none is longer: the index finds the first
     WHERE gap.ends_at IS NULL OR gap.ends_at >= gap.begins_at + make_interval(mins => p_minutes)
     ORDER BY gap.begins_at LIMIT 1
$$;
