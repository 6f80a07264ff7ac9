-- Write a reservation that was pending and still is, as it is wished now, on a device that is locked like the one before.
CREATE OR REPLACE FUNCTION rebind_reservation(was reservations, wish reservations, p_device text) RETURNS reservations
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    changed reservations;
    remind  timestamptz := remind_time(wish);
BEGIN
    IF wish.starts_at = was.starts_at AND was.remind_at IS NULL AND remind <= scheduler_clock() THEN
        remind := NULL;  -- told already
    ELSIF wish.starts_at = was.starts_at AND wish.remind_before_minutes = was.remind_before_minutes THEN
        remind := was.remind_at;
    END IF;
    UPDATE reservations
       SET device_id = p_device, starts_at = wish.starts_at, ends_at = wish.ends_at, duration_minutes = wish.duration_minutes,
           device_type = wish.device_type, min_cpu = wish.min_cpu, min_memory_mb = wish.min_memory_mb,
           min_storage_mb = wish.min_storage_mb, remind_before_minutes = wish.remind_before_minutes, remind_at = remind
     WHERE id = was.id
    RETURNING * INTO changed;
    UPDATE devices d SET next_reserved_at = next_reserved(d.id) WHERE d.id IN (was.device_id, p_device);
    PERFORM tell_reservation(changed, 'updated');
    RETURN changed;
END $$;
