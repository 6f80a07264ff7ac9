-- Note that a device failed the allocation that it served. The third in a row takes it out of service, with an event. Called with
-- the device locked.
CREATE OR REPLACE FUNCTION count_failure(p_device text, p_at timestamptz) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    device devices;
BEGIN
    UPDATE devices SET failures_in_row = least(failures_in_row + 1, 1000) WHERE id = p_device RETURNING * INTO device;
    IF device.failures_in_row < 3 OR device.life NOT IN ('in_service', 'recycling', 'draining') THEN
        RETURN false;
    END IF;
    UPDATE devices
       SET life = 'quarantined', life_changed_at = p_at, life_reason = format('Failed %s allocations in a row', failures_in_row)
     WHERE id = p_device
    RETURNING * INTO device;
    PERFORM tell_device(device, 'quarantined', device.life_reason, p_at);
    RETURN true;
END $$;
