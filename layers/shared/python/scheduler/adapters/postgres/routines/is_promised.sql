-- Whether a grant came of a reservation or of a wait, which lasts two hours at most. False for NULL, and for one long deleted.
CREATE OR REPLACE FUNCTION is_promised(p_tenant text, p_user text, p_grant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT a.reservation_id IS NOT NULL OR EXISTS (
                   SELECT FROM queue_entries e
                    WHERE e.user_id = p_user AND e.tenant_id = p_tenant AND e.allocation_id = p_grant
                      AND e.joined_at BETWEEN a.allocated_at - interval '2 hours' AND a.allocated_at)
          FROM device_allocations a WHERE a.id = p_grant), false)
$$;
