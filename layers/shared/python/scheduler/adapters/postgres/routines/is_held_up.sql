-- Whether a reservation that cannot begin is only kept from it for a moment: by an overdue allocation that a sweep passed over, since
-- its holder's row was busy just then (her own where the quota refuses, else that of the bound device), or by the wipe of the bound
-- device. Such a reservation has not failed.
CREATE OR REPLACE FUNCTION is_held_up(r reservations, p_refusal text, p_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT (p_refusal IS NULL AND is_recycling(r.device_id)) OR EXISTS (
        SELECT FROM device_allocations a
         WHERE a.status = 'allocated' AND a.expires_at <= p_at
           AND CASE WHEN p_refusal IS NULL THEN a.device_id = r.device_id
                    ELSE (a.tenant_id, a.user_id) = (r.tenant_id, r.user_id) END)
$$;
