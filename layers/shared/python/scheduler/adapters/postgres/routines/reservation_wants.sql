-- The minima that a reservation asks of its device.
CREATE OR REPLACE FUNCTION reservation_wants(r reservations) RETURNS device_wants LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW (r.device_type, r.min_cpu, r.min_memory_mb, r.min_storage_mb)::device_wants
$$;
