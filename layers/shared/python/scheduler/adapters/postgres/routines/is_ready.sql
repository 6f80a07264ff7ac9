-- Whether a device may be lent to this waiter now: a free one, or the one that is held for her.
CREATE OR REPLACE FUNCTION is_ready(device devices, p_entry uuid) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT device.is_free
        OR (device.held_for = p_entry AND device.active_allocation_id IS NULL
            AND device.status = 'running' AND device.life = 'in_service')
$$;
