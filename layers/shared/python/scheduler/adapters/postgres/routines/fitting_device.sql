-- The device that a waiter would be given now: the one held for her when it is ready; the best free one, as a claim would choose; or
-- one held for somebody behind her. Unlocked: a hint, which the locks confirm. NULL: none.
CREATE OR REPLACE FUNCTION fitting_device(entry queue_entries, held quota_usage, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT d.id FROM devices d JOIN spec_classes c ON c.id = d.class_id
          WHERE d.held_for = entry.id AND is_ready(d, entry) AND can_be_served(entry, held, c, d.next_reserved_at, p_at)),
        (SELECT head.id FROM fitting_classes(entry.tenant_id, entry.wants, quota_ceiling(held, entry.terms)) c
          CROSS JOIN LATERAL (
             SELECT d.id, d.placement_score, d.next_reserved_at FROM devices d
              WHERE d.class_id = c.id AND d.is_free
                AND (d.next_reserved_at IS NULL
                     OR d.next_reserved_at >= p_at + make_interval(mins => entry.duration_minutes))
              ORDER BY d.placement_score DESC LIMIT 1) head
          WHERE can_be_served(entry, held, c, head.next_reserved_at, p_at)
          ORDER BY head.placement_score DESC, c.cpu_cores, c.memory_mb, c.storage_mb, c.id LIMIT 1),
        (SELECT d.id FROM devices d JOIN spec_classes c ON c.id = d.class_id
          WHERE d.held_for IS NOT NULL AND d.active_allocation_id IS NULL AND is_ready(d, entry)
            AND can_be_served(entry, held, c, d.next_reserved_at, p_at)
          ORDER BY d.placement_score DESC, d.id LIMIT 1))
$$;
