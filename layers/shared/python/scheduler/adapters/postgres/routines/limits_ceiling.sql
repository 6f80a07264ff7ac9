-- The largest device that limits allow a user now: the limit a device, or what is left of the totals. NULL: no limit.
CREATE OR REPLACE FUNCTION limits_ceiling(held quota_usage, terms quota_terms) RETURNS device_size LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW (
        least(terms.device_cpu_cores, terms.cpu_cores - held.cpu_cores),
        least(terms.device_memory_mb, terms.memory_mb - held.memory_mb),
        least(terms.device_storage_mb, terms.storage_mb - held.storage_mb)
    )::device_size
$$;
