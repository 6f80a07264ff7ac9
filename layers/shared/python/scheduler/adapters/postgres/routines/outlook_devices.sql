-- Devices of some classes that are lent, free or kept, as arrays: class, seconds used, seconds left (0: free), seconds until the next
-- reservation, the queue entry that it is kept for. Of each class up to 100, and the 500 of all that expire soonest: all of a small
-- fleet, and of a large one those that matter soon.
CREATE OR REPLACE FUNCTION outlook_devices(p_classes int[], p_at timestamptz) RETURNS SETOF jsonb LANGUAGE sql STABLE AS $$
    WITH chosen AS (
        SELECT sample.id FROM (SELECT unnest(p_classes) LIMIT 100) c (id)
         CROSS JOIN LATERAL (
            SELECT d.id FROM devices d
             WHERE d.class_id = c.id AND d.status = 'running' AND d.life = 'in_service' ORDER BY d.id LIMIT 100) sample
        UNION
        SELECT a.device_id FROM (
            SELECT device_id FROM device_allocations WHERE status = 'allocated' ORDER BY expires_at LIMIT 500) a
    )
    SELECT jsonb_build_array(
               d.class_id,
               coalesce(greatest(floor(extract(epoch FROM p_at - a.allocated_at)), 0), 0),
               coalesce(greatest(ceil(extract(epoch FROM a.expires_at - p_at)), 0), 0),
               floor(extract(epoch FROM d.next_reserved_at - p_at)), d.held_for)
      FROM chosen JOIN devices d ON d.id = chosen.id
      LEFT JOIN device_allocations a ON a.id = d.active_allocation_id
     WHERE d.class_id = ANY (p_classes) AND d.status = 'running' AND d.life = 'in_service'
$$;
