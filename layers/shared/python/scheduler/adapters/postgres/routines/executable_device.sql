-- The device that a reservation begins on, locked: the bound one, if it works, is not lent and still fits; else another that is
-- free until the window ends. A device kept for a waiter is not refused: the reservation was there first. NULL: there is none.
CREATE OR REPLACE FUNCTION executable_device(r reservations, p_most device_size, p_patient boolean) RETURNS devices
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    wants  device_wants := reservation_wants(r);
    device devices;
BEGIN
    SELECT * INTO device FROM devices WHERE id = r.device_id;
    IF device.status = 'running' AND device.life = 'in_service' AND device.active_allocation_id IS NULL
       AND EXISTS (SELECT FROM fitting_classes(r.tenant_id, wants, p_most) c WHERE c.id = device.class_id) THEN
        RETURN device;
    END IF;
    device := take_free_device(r.tenant_id, NULL, wants, p_most, r.ends_at);
    IF device.id IS NULL AND p_patient THEN
        device := await_free_device(r.tenant_id, NULL, wants, p_most, r.ends_at);
    END IF;
    RETURN device;
END $$;
