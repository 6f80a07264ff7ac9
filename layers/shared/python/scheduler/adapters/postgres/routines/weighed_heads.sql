-- The eight best free devices by score of the classes that fit, each with what lending it to this request is expected to cost: by what
-- is believed of it, and by what was drawn for those who explore (the same where its label "exploration" says "excluded"). As
-- domain/placement.cost_of: failing within her hours, the fixed costs, less what it saves if she had it last, and what would be left until
-- its next reservation. p_terms: of the model. Unlocked: a hint. Index probes only: of the eight classes with the best heads.
CREATE OR REPLACE FUNCTION weighed_heads(
    p_tenant text, p_user text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz, p_minutes int, p_terms jsonb
) RETURNS SETOF weighed_head LANGUAGE sql STABLE AS $$
    SELECT h.id::text, h.class_id, h.place::int, rest.cost + asked.failure * (1 - exp(-coalesce(a.hazard, asked.hazard) * asked.hours)),
           rest.cost + asked.failure * (1 - exp(-coalesce(CASE WHEN h.labels ->> 'exploration' = 'excluded' THEN a.hazard ELSE a.drawn END,
                                                          asked.hazard) * asked.hours))
      FROM (SELECT (p_terms ->> 'failure')::float AS failure, (p_terms ->> 'hazard')::float AS hazard,
                   (p_terms ->> 'fixed')::float AS fixed, (p_terms ->> 'stickiness')::float AS stickiness,
                   (p_terms ->> 'gap')::float AS gap, p_minutes / 60.0::float * (p_terms ->> 'use')::float AS hours, scheduler_now() AS at,
                   (SELECT l.device_id FROM device_allocations l WHERE l.tenant_id = p_tenant AND l.user_id = p_user
                     ORDER BY l.allocated_at DESC, l.id DESC LIMIT 1) AS last_id OFFSET 0) asked
     CROSS JOIN LATERAL (
        SELECT d.id, d.class_id, d.next_reserved_at, d.labels,
               row_number() OVER (ORDER BY d.placement_score DESC, c.cpu_cores, c.memory_mb, c.storage_mb, d.id) AS place
          FROM (SELECT b.class_id FROM best_classes(p_tenant, p_newcomer, p_wants, p_most, p_until) b LIMIT 8) best
          JOIN spec_classes c ON c.id = best.class_id
         CROSS JOIN LATERAL (
            SELECT f.id, f.class_id, f.next_reserved_at, f.labels, f.placement_score FROM devices f
             WHERE f.class_id = best.class_id AND f.is_free AND (f.next_reserved_at IS NULL OR f.next_reserved_at >= p_until)
             ORDER BY f.placement_score DESC LIMIT 8) d
         WHERE p_newcomer IS NULL OR NOT is_awaited(p_tenant, p_newcomer, d.class_id, d.next_reserved_at)
         ORDER BY place LIMIT 8) h
      LEFT JOIN LATERAL (SELECT * FROM placement_appraisals WHERE device_id = h.id OFFSET 0) a ON true
     CROSS JOIN LATERAL (
        SELECT coalesce(a.start + a.wear + a.fit, asked.fixed) - CASE h.id WHEN asked.last_id THEN asked.stickiness ELSE 0 END
               + asked.gap * greatest(least(coalesce(extract(epoch FROM h.next_reserved_at - asked.at)::float / 3600, 24), 24)
                                      - asked.hours, 0) AS cost) rest
$$;
