-- Write one booking on a device that is locked for it; the device's row then repeats the start of its earliest one.
CREATE OR REPLACE FUNCTION bind_reservation(wish reservations, p_device text, p_at timestamptz) RETURNS reservations
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    booked reservations;
BEGIN
    INSERT INTO reservations (
        tenant_id, user_id, device_id, starts_at, ends_at, duration_minutes, device_type, min_cpu, min_memory_mb,
        min_storage_mb, metadata, remind_before_minutes, remind_at, series_id, time_zone, created_at, updated_at)
    VALUES (
        wish.tenant_id, wish.user_id, p_device, wish.starts_at, wish.ends_at, wish.duration_minutes, wish.device_type,
        wish.min_cpu, wish.min_memory_mb, wish.min_storage_mb, wish.metadata, wish.remind_before_minutes,
        remind_time(wish), wish.series_id, wish.time_zone, p_at, p_at)
    RETURNING * INTO booked;
    UPDATE devices SET next_reserved_at = next_reserved(p_device) WHERE id = p_device;
    PERFORM tell_reservation(booked, 'created');
    RETURN booked;
END $$;
