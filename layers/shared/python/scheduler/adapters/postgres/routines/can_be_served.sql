-- Whether a waiter could be given a device of a class that is free until p_next_reserved (NULL: for good) at this instant.
CREATE OR REPLACE FUNCTION can_be_served(
    entry queue_entries, held quota_usage, class spec_classes, p_next_reserved timestamptz, p_at timestamptz
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT entry.status = 'waiting' AND entry.expires_at > p_at
       AND class.pool IN ('', entry.tenant_id)
       AND ((entry.wants).device_type IS NULL OR class.device_type = (entry.wants).device_type)
       AND class.cpu_cores >= coalesce((entry.wants).min_cpu, 0)
       AND class.memory_mb >= coalesce((entry.wants).min_memory_mb, 0)
       AND class.storage_mb >= coalesce((entry.wants).min_storage_mb, 0)
       AND (p_next_reserved IS NULL OR p_next_reserved >= p_at + make_interval(mins => entry.duration_minutes))
       AND quota_refusal(held, entry.terms, p_at) IS NULL
       AND is_within(class, quota_ceiling(held, entry.terms))
$$;
