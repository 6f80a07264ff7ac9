-- The start of a device's earliest pending reservation, for its own row. Read after the device's lock, in a later statement than
-- the change of its reservations.
CREATE OR REPLACE FUNCTION next_reserved(p_device text) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT min(starts_at) FROM reservations WHERE device_id = p_device AND status = 'pending'
$$;
