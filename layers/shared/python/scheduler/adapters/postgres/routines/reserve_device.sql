-- Lock a device for a window: the preferred one, locked already, if it can be promised; else the best other. Refuses last: when
-- p_patient, those that others are locking are waited for.
CREATE OR REPLACE FUNCTION reserve_device(
    p_tenant text, p_wants device_wants, p_most device_size, p_starts timestamptz, p_ends timestamptz,
    p_preferred text, p_patient boolean
) RETURNS devices LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    device devices;
BEGIN
    SELECT * INTO device FROM devices WHERE id = p_preferred;
    IF device.id IS NOT NULL AND is_reservable(device, p_starts, p_ends) THEN
        RETURN device;
    END IF;
    device := take_reservable_device(p_tenant, p_wants, p_most, p_starts, p_ends);
    IF device.id IS NULL AND p_patient THEN
        device := await_reservable_device(p_tenant, p_wants, p_most, p_starts, p_ends);
    END IF;
    RETURN device;
END $$;
