-- The spec classes that meet the wants, lie in the tenant's pools and fit under the ceiling. STABLE, so that it is
-- inlined into its callers.
CREATE OR REPLACE FUNCTION fitting_classes(p_tenant text, p_wants device_wants, p_most device_size)
RETURNS SETOF spec_classes LANGUAGE sql STABLE AS $$
    SELECT c.* FROM spec_classes c
     WHERE c.pool IN ('', p_tenant)
       AND (p_wants.device_type IS NULL OR c.device_type = p_wants.device_type)
       AND c.cpu_cores >= coalesce(p_wants.min_cpu, 0)
       AND c.memory_mb >= coalesce(p_wants.min_memory_mb, 0)
       AND c.storage_mb >= coalesce(p_wants.min_storage_mb, 0)
       AND is_within(c, p_most)
$$;
