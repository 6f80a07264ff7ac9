-- One page of the devices that may be lent now, by id, and how many there are in all. A tenant sees the shared devices and its
-- own, and whoever acts for a tenant those of that one, whatever is asked for; without a tenant, all. Reserved now means that the
-- reservation has begun.
CREATE OR REPLACE FUNCTION available_devices(p_tenant text, p_wants device_wants, p_after text, p_limit int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    WITH classes AS (
        SELECT c.id FROM spec_classes c
         WHERE c.pool IN ('', coalesce(NULLIF(current_setting('app.tenant', true), ''), p_tenant, c.pool))
           AND (p_wants.device_type IS NULL OR c.device_type = p_wants.device_type)
           AND c.cpu_cores >= coalesce(p_wants.min_cpu, 0) AND c.memory_mb >= coalesce(p_wants.min_memory_mb, 0)
    ), page AS (
        SELECT d.id, d.name, d.status, d.cpu_cores, d.memory_mb, d.storage_mb FROM devices d
         WHERE d.is_free AND d.id > p_after AND d.class_id IN (SELECT id FROM classes)
           AND (d.next_reserved_at IS NULL OR d.next_reserved_at > scheduler_now())
         ORDER BY d.id LIMIT p_limit
    )
    SELECT jsonb_build_object(
        'devices', (SELECT coalesce(jsonb_agg(jsonb_build_array(
                        p.id, p.name, p.status, p.cpu_cores, p.memory_mb, p.storage_mb) ORDER BY p.id), '[]') FROM page p),
        'total', (SELECT count(*) FROM devices d
                   WHERE d.is_free AND d.class_id IN (SELECT id FROM classes)
                     AND (d.next_reserved_at IS NULL OR d.next_reserved_at > scheduler_now())))
$$;
