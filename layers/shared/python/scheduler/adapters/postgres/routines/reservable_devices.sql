-- The devices of a class that look as if they could be promised for a window: what `is_reservable` asks of one, in a form that is
-- inlined and probes one index entry a device. Executing reservations are left out: their allocation lasts until their end.
CREATE OR REPLACE FUNCTION reservable_devices(p_class int, p_starts timestamptz, p_ends timestamptz) RETURNS SETOF devices
LANGUAGE sql STABLE AS $$
    SELECT d.* FROM devices d
     WHERE d.class_id = p_class AND d.status = 'running' AND d.life = 'in_service' AND d.held_for IS NULL
       AND (d.active_allocation_id IS NULL OR d.busy_until <= p_starts)
       AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_ends
            OR NOT EXISTS (
                SELECT FROM reservations r
                 WHERE r.device_id = d.id AND r.status = 'pending' AND r.ends_at > p_starts
                   AND r.starts_at < p_ends AND r.starts_at > p_starts - interval '24 hours'))  -- none is longer
$$;
