-- End a pending reservation: cancelled | failed | expired. Called with its usage row, its device and itself locked; the device's
-- row then repeats the start of the next one.
CREATE OR REPLACE FUNCTION end_reservation(p_reservation reservations, p_as text, p_failure text) RETURNS reservations
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    ended reservations;
BEGIN
    UPDATE reservations SET status = p_as, failure = p_failure WHERE id = p_reservation.id RETURNING * INTO ended;
    UPDATE devices SET next_reserved_at = next_reserved(ended.device_id) WHERE id = ended.device_id;
    PERFORM tell_reservation(ended, p_as);
    RETURN ended;
END $$;
