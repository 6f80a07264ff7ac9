-- What a user holds as a booking counts it: the most devices that she has reserved at one time within a window. What she has
-- now is of no matter to a window in the future.
CREATE OR REPLACE FUNCTION booking_usage(held quota_usage, p_starts timestamptz, p_ends timestamptz, p_except uuid)
RETURNS quota_usage LANGUAGE plpgsql STABLE AS $$
BEGIN
    held.devices := (
        WITH mine AS (
            SELECT greatest(r.starts_at, p_starts) AS starts_at, r.ends_at FROM reservations r
             WHERE r.user_id = held.user_id AND r.tenant_id = held.tenant_id AND r.status IN ('pending', 'executing')
               AND r.starts_at > p_starts - interval '24 hours' AND r.starts_at < p_ends AND r.ends_at > p_starts
               AND r.id IS DISTINCT FROM p_except)
        SELECT coalesce(max(covering.devices), 0)
          FROM (SELECT (SELECT count(*) FROM mine other
                         WHERE other.starts_at <= one.starts_at AND other.ends_at > one.starts_at) AS devices
                  FROM mine one) covering);
    held.cpu_cores := 0;
    held.memory_mb := 0;
    held.storage_mb := 0;
    RETURN held;
END $$;
