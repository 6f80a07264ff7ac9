-- Whether a device can be promised for a window: it works, is kept for nobody, what it is lent for ends before (an overdue
-- allocation has ended as far as the future goes), and no live reservation but p_except overlaps.
CREATE OR REPLACE FUNCTION is_reservable(
    device devices, p_starts timestamptz, p_ends timestamptz, p_except uuid DEFAULT NULL
) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT device.status = 'running' AND device.life = 'in_service' AND device.held_for IS NULL
       AND (device.active_allocation_id IS NULL OR coalesce(device.busy_until <= p_starts, false))
       AND NOT EXISTS (
            SELECT FROM reservations r
             WHERE r.device_id = device.id AND r.status IN ('pending', 'executing')
               AND r.during && tstzrange(p_starts, p_ends) AND r.id IS DISTINCT FROM p_except)
$$;
