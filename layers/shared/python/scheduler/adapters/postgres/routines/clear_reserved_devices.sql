-- End up to p_limit overdue allocations on devices whose reservation has begun. Returns what was ended.
-- Without seqscan: few are due, which the planner cannot know.
CREATE OR REPLACE FUNCTION clear_reserved_devices(p_limit int) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    due uuid[] := ARRAY(
        SELECT lent.active_allocation_id FROM reservations r
         CROSS JOIN LATERAL (  -- LIMIT: one device a reservation, by its key
            SELECT d.active_allocation_id FROM devices d
             WHERE d.id = r.device_id AND d.busy_until <= scheduler_now() LIMIT 1) lent
         WHERE r.status = 'pending' AND r.starts_at <= scheduler_now()
         ORDER BY r.starts_at LIMIT p_limit);
BEGIN
    PERFORM ensure_usage(due);
    RETURN QUERY SELECT * FROM end_allocations(due, 'expired');
END $$;
