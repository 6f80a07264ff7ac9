-- Lock a device that can be promised for a window, passing over those that others are locking: of the smallest class that fits,
-- the free ones first. Settles: bookings racing for a device (what the search saw of its reservations is older than the lock, so
-- that it is asked again in a later statement; the next search knows better).
CREATE OR REPLACE FUNCTION take_reservable_device(
    p_tenant text, p_wants device_wants, p_most device_size, p_starts timestamptz, p_ends timestamptz
) RETURNS devices
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    device devices;
BEGIN
    FOR attempt IN 1 .. 20 LOOP
        SELECT taken.* INTO device
          FROM (SELECT c.id FROM fitting_classes(p_tenant, p_wants, p_most) c
                 ORDER BY c.cpu_cores, c.memory_mb, c.storage_mb, c.id) class
         CROSS JOIN LATERAL (
            SELECT d.* FROM reservable_devices(class.id, p_starts, p_ends) seen
              JOIN devices d ON d.id = seen.id AND d.class_id = class.id  -- said of the locked row: it may have changed
             ORDER BY seen.busy_until NULLS FIRST, seen.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED) taken
         LIMIT 1;
        IF device.id IS NULL OR is_reservable(device, p_starts, p_ends) THEN
            RETURN device;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
