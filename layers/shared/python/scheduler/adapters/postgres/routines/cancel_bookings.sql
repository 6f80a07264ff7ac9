-- Cancel up to p_limit pending reservations of a user who was deleted, the soonest first; tell how many. Settles: cancelling against
-- their start (her usage row, then all their devices, then they, each in order).
CREATE OR REPLACE FUNCTION cancel_bookings(p_tenant text, p_user text, p_limit int) RETURNS int
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    mine   uuid[];
    target reservations;
    n      int := 0;
BEGIN
    PERFORM lock_usage(p_tenant, p_user);
    IF standing_reason(p_tenant, p_user) IS DISTINCT FROM 'User is deleted' THEN
        RETURN 0;
    END IF;
    mine := ARRAY(SELECT r.id FROM reservations r
                   WHERE (r.tenant_id, r.user_id) = (p_tenant, p_user) AND r.status = 'pending' ORDER BY r.starts_at, r.id LIMIT p_limit);
    PERFORM FROM devices WHERE id IN (SELECT r.device_id FROM reservations r WHERE r.id = ANY (mine)) ORDER BY id FOR UPDATE;
    FOR target IN SELECT * FROM reservations WHERE id = ANY (mine) AND status = 'pending' ORDER BY id FOR UPDATE LOOP
        PERFORM end_reservation(target, 'cancelled', NULL);
        n := n + 1;
    END LOOP;
    RETURN n;
END $$;
