-- Fitting classes that show a free device until p_until, the best head first; among equals the smallest, so that big ones stay
-- free. Unlocked: a hint where to look. p_newcomer: a user who may not take what others wait for; NULL: nobody waits.
CREATE OR REPLACE FUNCTION best_classes(
    p_tenant text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz
) RETURNS TABLE (class_id int, score double precision) LANGUAGE sql STABLE AS $$
    SELECT c.id, head.placement_score
      FROM fitting_classes(p_tenant, p_wants, p_most) c
     CROSS JOIN LATERAL (
        SELECT d.placement_score, d.next_reserved_at FROM devices d
         WHERE d.class_id = c.id AND d.is_free AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
         ORDER BY d.placement_score DESC LIMIT 1) head
     WHERE p_newcomer IS NULL OR NOT is_awaited(p_tenant, p_newcomer, c.id, head.next_reserved_at)
     ORDER BY head.placement_score DESC, c.cpu_cores, c.memory_mb, c.storage_mb, c.id
$$;
