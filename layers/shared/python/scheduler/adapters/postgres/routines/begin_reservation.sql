-- Make the allocation of a reservation on a device that is locked like the bound one. It ends with the window, whenever it
-- began. NULL, and nothing written, when another reservation stands in the way.
CREATE OR REPLACE FUNCTION begin_reservation(r reservations, device devices, held quota_usage, p_terms quota_terms)
RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    granted jsonb;
    begun   reservations;
BEGIN
    IF device.id = r.device_id THEN  -- the start that its row repeats is this one's
        device.next_reserved_at := (SELECT min(n.starts_at) FROM reservations n
                                     WHERE n.device_id = device.id AND n.status = 'pending' AND n.starts_at >= r.ends_at);
    END IF;
    granted := lend_device(device, held, p_terms, r.duration_minutes, r.metadata, reservation_wants(r), NULL, r.ends_at, r.id);
    IF granted IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM count_allocations(held.tenant_id, 1, 0, 0, 0);
    UPDATE reservations
       SET status = 'executing', device_id = device.id, allocation_id = (granted ->> 'allocationId')::uuid,
           executed_at = (granted ->> 'allocatedAt')::timestamptz
     WHERE id = r.id
    RETURNING * INTO begun;
    UPDATE devices d SET next_reserved_at = next_reserved(d.id) WHERE d.id IN (r.device_id, device.id);
    PERFORM tell_reservation(begun, 'executed');
    RETURN granted || jsonb_build_object('outcome', 'executed', 'reservationId', r.id);
END $$;
