-- Lock a reservation for a change: its owner's usage row, its device, itself. Who changes it holds the usage row, so that its
-- device stays what it was when that was locked. NULL: there is none, or it is another's.
CREATE OR REPLACE FUNCTION lock_reservation(p_tenant text, p_user text, p_id uuid) RETURNS reservations
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found_row reservations;
BEGIN
    SELECT * INTO found_row FROM reservations
     WHERE id = p_id AND tenant_id = coalesce(p_tenant, tenant_id) AND user_id = coalesce(p_user, user_id);
    IF FOUND THEN
        PERFORM lock_usage(found_row.tenant_id, found_row.user_id);
        PERFORM FROM devices WHERE id = (SELECT r.device_id FROM reservations r WHERE r.id = p_id) FOR UPDATE;
        SELECT * INTO found_row FROM reservations WHERE id = p_id FOR UPDATE;
    END IF;
    RETURN found_row;
END $$;
