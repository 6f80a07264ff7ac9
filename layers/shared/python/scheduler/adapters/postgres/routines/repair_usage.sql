-- Make one user's usage row the sum over her active allocations, or (p_apply false) only say what it would become. Settles: grants and
-- ends at the same time, which lock the same row first; the sum is read in a later statement, when none of them can be under way.
CREATE OR REPLACE FUNCTION repair_usage(p_tenant text, p_user text, p_apply boolean) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    counted quota_usage := lock_usage(p_tenant, p_user);
    held    quota_usage := counted;
BEGIN
    SELECT count(*), coalesce(sum(cpu_cores), 0), coalesce(sum(memory_mb), 0), coalesce(sum(storage_mb), 0)
      INTO held.devices, held.cpu_cores, held.memory_mb, held.storage_mb
      FROM device_allocations WHERE (tenant_id, user_id, status) = (p_tenant, p_user, 'allocated');
    IF p_apply AND held IS DISTINCT FROM counted THEN
        UPDATE quota_usage SET (devices, cpu_cores, memory_mb, storage_mb)
             = (held.devices, held.cpu_cores, held.memory_mb, held.storage_mb)
         WHERE (tenant_id, user_id) = (p_tenant, p_user);
    END IF;
    RETURN jsonb_build_object('counted', to_jsonb(counted), 'held', to_jsonb(held));
END $$;
