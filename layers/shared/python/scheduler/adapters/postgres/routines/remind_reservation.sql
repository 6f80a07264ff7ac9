-- Send the reminder of a reservation, once. False: none is due, or no longer.
CREATE OR REPLACE FUNCTION remind_reservation(p_id uuid) RETURNS boolean LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    target reservations;
BEGIN
    SELECT * INTO target FROM reservations WHERE id = p_id;
    PERFORM lock_usage(target.tenant_id, target.user_id);
    UPDATE reservations SET remind_at = NULL
     WHERE id = p_id AND status = 'pending' AND remind_at <= scheduler_clock() AND starts_at > scheduler_clock()
    RETURNING * INTO target;
    IF FOUND THEN
        PERFORM tell_reservation(target, 'reminder');
        RETURN true;
    END IF;
    RETURN false;
END $$;
