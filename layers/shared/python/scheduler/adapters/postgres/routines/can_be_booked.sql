-- Whether some device that fits looks as if it could be promised for a window, whoever has reserved the others. Unlocked.
CREATE OR REPLACE FUNCTION can_be_booked(p_pool text, p_wants device_wants, p_starts timestamptz, p_ends timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT EXISTS (
        SELECT FROM fitting_classes(p_pool, p_wants, NULL) c
         CROSS JOIN LATERAL (SELECT FROM reservable_devices(c.id, p_starts, p_ends) LIMIT 1) device)
$$;
