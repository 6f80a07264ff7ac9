-- Whether a device may be lent to this waiter now: it is free, or held for her, or held for somebody behind her while she has no
-- other kind to go to. So a held device turns the line around only for small requests.
CREATE OR REPLACE FUNCTION is_ready(device devices, entry queue_entries) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT device.status = 'running' AND device.life = 'in_service' AND device.active_allocation_id IS NULL
       AND (device.held_for IS NULL OR device.held_for = entry.id
            OR EXISTS (SELECT FROM queue_entries holder
                        WHERE holder.id = device.held_for AND (entry.rank, entry.id) < (holder.rank, holder.id)
                          AND NOT has_other_kind(entry, holder)))
$$;
