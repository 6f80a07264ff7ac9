-- What one allocation takes of a quota, and gives back, as it stands in events.
CREATE OR REPLACE FUNCTION quota_share(p_cpu_cores int, p_memory_mb int, p_storage_mb int) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('devices', 1, 'cpuCores', p_cpu_cores, 'memoryMB', p_memory_mb, 'storageMB', p_storage_mb)
$$;
