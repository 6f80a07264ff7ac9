-- Whether somebody else waits for a device of this class who could have it now: her specs, her time before the next reservation
-- and her quota allow it. A newcomer passes such a device over; a waiter whose own quota or time stands in her way holds up
-- nobody. The first thousand of the line are looked at: one that long serves nobody else anyway.
CREATE OR REPLACE FUNCTION is_awaited(p_tenant text, p_user text, p_class int, p_next_reserved timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM spec_classes c
         CROSS JOIN (SELECT scheduler_now() AS at OFFSET 0) t  -- OFFSET: asked once, which lets can_be_served be inlined
         CROSS JOIN LATERAL (SELECT * FROM queue_entries WHERE status = 'waiting' ORDER BY rank, id LIMIT 1000) e
          LEFT JOIN LATERAL (SELECT * FROM quota_usage  -- OFFSET: one probe a waiter, never a join with all users
                              WHERE tenant_id = e.tenant_id AND user_id = e.user_id OFFSET 0) u ON true
         WHERE c.id = p_class AND (e.tenant_id, e.user_id) <> (p_tenant, p_user)
           AND can_be_served(e, u, c, p_next_reserved, t.at))
$$;
