-- Devices of some classes that are lent, free or kept, as arrays: class, seconds used, seconds left (0: free), seconds until the next
-- reservation, the queue entry that it is kept for. Of each class the 500 that are free soonest, 1,000 in all.
CREATE OR REPLACE FUNCTION outlook_devices(p_classes int[], p_at timestamptz) RETURNS SETOF jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
               d.class_id,
               coalesce(greatest(floor(extract(epoch FROM p_at - a.allocated_at)), 0), 0),
               coalesce(greatest(ceil(extract(epoch FROM d.busy_until - p_at)), 0), 0),
               floor(extract(epoch FROM d.next_reserved_at - p_at)), d.held_for)
      FROM unnest(p_classes) class
     CROSS JOIN LATERAL (
        SELECT * FROM devices
         WHERE class_id = class AND status = 'running' AND life = 'in_service'
           AND (active_allocation_id IS NULL OR busy_until < 'infinity')  -- without an end: lent for good
         ORDER BY busy_until NULLS FIRST LIMIT 500) d
      LEFT JOIN LATERAL (  -- OFFSET 0: one probe a device, whatever the planner thinks of how many there are
        SELECT allocated_at FROM device_allocations WHERE id = d.active_allocation_id OFFSET 0) a ON true
     LIMIT 1000
$$;
