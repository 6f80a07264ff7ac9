-- Like take_reservable_device, but wait a moment for devices that others are locking: they may book another window, or none.
-- Asked before a refusal. A wait ends sooner than Postgres looks for deadlocks, so that holding other devices does no harm.
CREATE OR REPLACE FUNCTION await_reservable_device(
    p_tenant text, p_wants device_wants, p_most device_size, p_starts timestamptz, p_ends timestamptz
) RETURNS devices
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    device devices;
    before text := current_setting('lock_timeout');
BEGIN
    PERFORM set_config('lock_timeout', '250ms', true);  -- for this search only
    FOR attempt IN 1 .. 20 LOOP
        SELECT taken.* INTO device
          FROM (SELECT c.id FROM fitting_classes(p_tenant, p_wants, p_most) c
                 ORDER BY c.cpu_cores, c.memory_mb, c.storage_mb, c.id) class
         CROSS JOIN LATERAL (
            SELECT d.* FROM reservable_devices(class.id, p_starts, p_ends) seen
              JOIN devices d ON d.id = seen.id AND d.class_id = class.id  -- said of the locked row: it may have changed
             ORDER BY seen.busy_until NULLS FIRST, seen.id LIMIT 1 FOR UPDATE OF d) taken
         LIMIT 1;
        EXIT WHEN device.id IS NULL OR is_reservable(device, p_starts, p_ends);
        device := NULL;
    END LOOP;
    PERFORM set_config('lock_timeout', before, true);
    RETURN device;
EXCEPTION
    WHEN lock_not_available THEN  -- somebody holds one for long: what of the others?
        RETURN take_reservable_device(p_tenant, p_wants, p_most, p_starts, p_ends);
END $$;
