-- The spec class of a device's pool, type and size, made when it is new.
CREATE OR REPLACE FUNCTION device_class(p_tenant text, p_type text, p_cpu_cores int, p_memory_mb int, p_storage_mb int)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO spec_classes (pool, device_type, cpu_cores, memory_mb, storage_mb)
    SELECT coalesce(p_tenant, ''), p_type, p_cpu_cores, p_memory_mb, p_storage_mb
     WHERE NOT EXISTS (SELECT FROM spec_classes
                        WHERE (pool, device_type, cpu_cores, memory_mb, storage_mb)
                            = (coalesce(p_tenant, ''), p_type, p_cpu_cores, p_memory_mb, p_storage_mb))
    ON CONFLICT DO NOTHING;
    RETURN (SELECT id FROM spec_classes
             WHERE (pool, device_type, cpu_cores, memory_mb, storage_mb)
                 = (coalesce(p_tenant, ''), p_type, p_cpu_cores, p_memory_mb, p_storage_mb));
END $$;
