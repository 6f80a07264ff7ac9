-- The largest single device that a quota document allows, whatever its user holds now.
CREATE OR REPLACE FUNCTION most_of(p_terms quota_terms) RETURNS device_size LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW (p_terms.device_cpu_cores, p_terms.device_memory_mb, p_terms.device_storage_mb)::device_size
$$;
