-- End up to p_limit overdue allocations, the longest overdue first. Settles: sweeps at the same time, renewals and releases
-- (picked unlocked, decided again under the locks). Returns what was ended.
CREATE OR REPLACE FUNCTION expire_due(p_limit int) RETURNS SETOF device_allocations LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    due uuid[];
BEGIN
    due := ARRAY(SELECT id FROM device_allocations WHERE status = 'allocated' AND expires_at <= scheduler_now()
                  ORDER BY expires_at LIMIT p_limit);
    PERFORM ensure_usage(due);
    RETURN QUERY SELECT * FROM end_allocations(due, 'expired');
END $$;
