-- The eight best free devices by score that fit, the best first, each with its class and with what lending it to this request is
-- expected to cost: by what is believed of it, and by what was drawn for those who explore (the same where its label
-- "exploration" says "excluded"); the lowest of either, and the hours of use. As domain/placement.cost_of: failing within her
-- hours, the fixed costs, less what it saves if she had it last, and what would be left until its next reservation. NULLs: none
-- is free. Unlocked: a hint. Index probes only: eight entries a fitting class.
CREATE OR REPLACE FUNCTION weigh_heads(
    p_tenant text, p_user text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz, p_minutes int,
    p_weights claim_weights
) RETURNS TABLE (ids text[], class_ids int[], costs float[], drawn_costs float[], lowest float, lowest_drawn float, hours float)
LANGUAGE sql STABLE AS $$
    SELECT array_agg(w.id), array_agg(w.class_id), array_agg(w.cost), array_agg(w.drawn_cost), min(w.cost), min(w.drawn_cost), min(w.hours)
      FROM (
        SELECT h.id::text, h.class_id, asked.hours, rest.cost + asked.failure * (1 - exp(-coalesce(a.hazard, asked.hazard) * asked.hours)) AS cost,
               rest.cost + asked.failure * (1 - exp(-coalesce(CASE WHEN h.labels ->> 'exploration' = 'excluded' THEN a.hazard
                                                                   ELSE a.drawn END, asked.hazard) * asked.hours)) AS drawn_cost
          FROM (SELECT p_weights.failure, p_weights.hazard, p_weights.fixed, p_weights.stickiness, p_weights.gap, e.hours,
                       scheduler_now() AS at,
                       (SELECT l.device_id FROM device_allocations l WHERE l.tenant_id = p_tenant AND l.user_id = p_user
                         ORDER BY l.allocated_at DESC, l.id DESC LIMIT 1) AS last_id
                  FROM expected_hours(p_tenant, p_user, p_minutes, p_weights) e OFFSET 0) asked
         CROSS JOIN LATERAL (
            SELECT d.* FROM fitting_classes(p_tenant, p_wants, p_most) c
             CROSS JOIN LATERAL (
                SELECT f.id, f.class_id, f.next_reserved_at, f.labels, f.placement_score FROM devices f
                 WHERE f.class_id = c.id AND f.is_free AND (f.next_reserved_at IS NULL OR f.next_reserved_at >= p_until)
                 ORDER BY f.placement_score DESC LIMIT 8) d
             WHERE p_newcomer IS NULL OR NOT is_awaited(p_tenant, p_newcomer, d.class_id, d.next_reserved_at)
             ORDER BY d.placement_score DESC, c.cpu_cores, c.memory_mb, c.storage_mb LIMIT 8) h
          LEFT JOIN LATERAL (SELECT * FROM placement_appraisals WHERE device_id = h.id OFFSET 0) a ON true
         CROSS JOIN LATERAL (
            SELECT coalesce(a.start + a.wear + a.fit, asked.fixed) - CASE h.id WHEN asked.last_id THEN asked.stickiness ELSE 0 END
                   + asked.gap * greatest(least(coalesce(extract(epoch FROM h.next_reserved_at - asked.at)::float / 3600, 24), 24)
                                          - asked.hours, 0) AS cost) rest
         OFFSET 0) w
$$;
