-- Whether somebody ahead of a waiter wants a device of this class and has no other kind to go to: then keeping one for the waiter
-- would only turn the line around. Who has a device kept already needs none.
CREATE OR REPLACE FUNCTION is_needed_ahead(entry queue_entries, class spec_classes, p_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM (SELECT * FROM queue_entries
                      WHERE status = 'waiting' AND (rank, id) < (entry.rank, entry.id) ORDER BY rank, id LIMIT 1000) ahead
          LEFT JOIN LATERAL (SELECT * FROM quota_usage
                              WHERE tenant_id = ahead.tenant_id AND user_id = ahead.user_id OFFSET 0) u ON true
         WHERE can_be_served(ahead, u, class, NULL, p_at)
           AND NOT EXISTS (SELECT FROM devices d WHERE d.held_for = ahead.id)
           AND NOT has_other_kind(ahead, entry))
$$;
