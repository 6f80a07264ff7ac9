-- End a pending reservation whose window is over: nobody served it in time. False: it is not so, or no longer.
CREATE OR REPLACE FUNCTION expire_reservation(p_id uuid) RETURNS boolean LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    target reservations := lock_reservation(NULL, NULL, p_id);
BEGIN
    IF target.status = 'pending' AND target.ends_at <= scheduler_clock() THEN
        PERFORM end_reservation(target, 'expired', NULL);
        RETURN true;
    END IF;
    RETURN false;
END $$;
