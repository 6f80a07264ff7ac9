-- Write a device's new life, with its event where others act on it: out of service at once, or back. Called with the device locked.
CREATE OR REPLACE FUNCTION write_life(p_device text, p_to text, p_reason text) RETURNS devices LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    device devices;
BEGIN
    UPDATE devices
       SET life = p_to, life_changed_at = scheduler_clock(), recycling_since = NULL,
           life_reason = CASE WHEN p_to <> 'in_service' THEN p_reason END,
           failures_in_row = CASE WHEN p_to = 'in_service' THEN 0 ELSE failures_in_row END
     WHERE id = p_device
    RETURNING * INTO device;
    IF p_to = 'quarantined' THEN
        PERFORM tell_device(device, 'quarantined', p_reason, device.life_changed_at);
    ELSIF p_to = 'in_service' THEN
        PERFORM tell_device(device, 'restored', p_reason, device.life_changed_at);
    END IF;
    RETURN device;
END $$;
