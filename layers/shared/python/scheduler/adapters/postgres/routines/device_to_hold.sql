-- Which lent device would be kept for a waiter: it fits, nobody has it kept, it comes back in time before its next reservation, and
-- whoever stands ahead of her and wants one like it has others to go to that are not for her. The soonest to come back.
CREATE OR REPLACE FUNCTION device_to_hold(entry queue_entries, held quota_usage, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT soonest.id
      FROM fitting_classes(entry.tenant_id, entry.wants, quota_ceiling(held, entry.terms)) c
     CROSS JOIN LATERAL (
        SELECT d.id, d.busy_until
          FROM (SELECT * FROM devices WHERE class_id = c.id AND status = 'running' AND life = 'in_service' LIMIT 1000) d
         WHERE d.held_for IS NULL AND d.active_allocation_id IS NOT NULL
           AND (d.next_reserved_at IS NULL
                OR d.next_reserved_at >= greatest(d.busy_until, p_at) + make_interval(mins => entry.duration_minutes))
         ORDER BY d.busy_until LIMIT 1) soonest
     WHERE can_be_served(entry, held, c, NULL, p_at) AND NOT is_needed_ahead(entry, c, p_at)
     ORDER BY soonest.busy_until LIMIT 1
$$;
