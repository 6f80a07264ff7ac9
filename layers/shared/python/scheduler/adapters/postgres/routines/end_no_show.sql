-- End the allocation of a reservation that nobody came for within p_minutes: revoked, the device free, the reservation completed, both
-- with the reason. Settles: a no-show against the owner who comes just then (her call marks the reservation, which is asked
-- under its lock). Returns what was ended.
CREATE OR REPLACE FUNCTION end_no_show(p_id uuid, p_minutes int) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    target reservations;
    ended  device_allocations[];
    reason text := format('Nobody came within %s minutes of the start', p_minutes);
BEGIN
    SELECT * INTO target FROM reservations WHERE id = p_id;
    PERFORM lock_usage(target.tenant_id, target.user_id);
    PERFORM FROM device_allocations WHERE id = target.allocation_id FOR UPDATE;
    target := lock_reservation(NULL, NULL, p_id);
    IF target.status = 'executing' AND target.claimed_at IS NULL
       AND target.executed_at <= scheduler_clock() - make_interval(mins => p_minutes) THEN
        ended := ARRAY(SELECT e FROM revoke_user(target.tenant_id, target.user_id, ARRAY[target.allocation_id], reason, 1) e);
        UPDATE reservations SET failure = reason
         WHERE id = p_id AND status = 'completed' AND ended <> '{}';
        RETURN QUERY SELECT * FROM unnest(ended);
    END IF;
END $$;
