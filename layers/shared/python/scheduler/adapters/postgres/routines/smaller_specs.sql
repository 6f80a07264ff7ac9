-- The specs nearest below the wants for which a device is free until p_until: the least sum of what each minimum falls short by, as a
-- part of it. NULL: none. The twenty nearest classes with such a device are looked at. p_newcomer: as in best_classes.
CREATE OR REPLACE FUNCTION smaller_specs(
    p_tenant text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
               'minCpu', CASE WHEN p_wants.min_cpu IS NOT NULL THEN least(near.cpu_cores, p_wants.min_cpu) END,
               'minMemory', CASE WHEN p_wants.min_memory_mb IS NOT NULL THEN least(near.memory_mb, p_wants.min_memory_mb) END,
               'minStorage', CASE WHEN p_wants.min_storage_mb IS NOT NULL THEN least(near.storage_mb, p_wants.min_storage_mb) END)
      FROM (SELECT c.*, head.next_reserved_at,
                   greatest(1 - c.cpu_cores / nullif(p_wants.min_cpu, 0)::float8, 0)
                   + greatest(1 - c.memory_mb / nullif(p_wants.min_memory_mb, 0)::float8, 0)
                   + greatest(1 - c.storage_mb / nullif(p_wants.min_storage_mb, 0)::float8, 0) AS short
              FROM fitting_classes(p_tenant, ROW (p_wants.device_type, NULL, NULL, NULL)::device_wants, p_most) c
             CROSS JOIN LATERAL (
                SELECT d.next_reserved_at FROM devices d
                 WHERE d.class_id = c.id AND d.is_free AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
                 ORDER BY d.placement_score DESC LIMIT 1) head
             WHERE c.cpu_cores < p_wants.min_cpu OR c.memory_mb < p_wants.min_memory_mb OR c.storage_mb < p_wants.min_storage_mb
             ORDER BY short, c.id LIMIT 20) near
     WHERE p_newcomer IS NULL OR NOT is_awaited(p_tenant, p_newcomer, near.id, near.next_reserved_at)
     ORDER BY near.short, near.id LIMIT 1
$$;
