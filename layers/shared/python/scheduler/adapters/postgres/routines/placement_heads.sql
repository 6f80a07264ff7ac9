-- The free devices that a claim would take now, the best first, at most p_limit, each with what its score is made of. Unlocked, and
-- bounded: p_limit index entries a fitting class. p_awaited: classes that others wait for.
CREATE OR REPLACE FUNCTION placement_heads(
    p_tenant text, p_awaited int[], p_wants device_wants, p_most device_size, p_until timestamptz, p_limit int
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'deviceId', (best.d).id, 'cpuCores', (best.d).cpu_cores, 'memoryMB', (best.d).memory_mb,
               'storageMB', (best.d).storage_mb, 'score', (best.d).placement_score,
               'parts', score_parts((SELECT name FROM placement_strategy), best.d, h), 'host', (best.d).host, 'kind', (best.d).model,
               'fit', (SELECT a.fit FROM placement_appraisals a WHERE a.device_id = (best.d).id),
               'records', (SELECT coalesce(jsonb_agg(to_jsonb(k)), '[]') FROM placement_records k
                            WHERE (k.scope, k.id) IN (('device', (best.d).id), ('host', (best.d).host), ('kind', (best.d).model)))
               ) ORDER BY best.place), '[]')
      FROM (SELECT head.d, row_number() OVER (
                       ORDER BY (head.d).placement_score DESC, c.cpu_cores, c.memory_mb, c.storage_mb, c.id) AS place
              FROM fitting_classes(p_tenant, p_wants, p_most) c
             CROSS JOIN LATERAL (
                SELECT d FROM devices d
                 WHERE d.class_id = c.id AND d.is_free AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
                 ORDER BY d.placement_score DESC LIMIT p_limit) head
             WHERE c.id <> ALL (p_awaited)
             ORDER BY place LIMIT p_limit) best
      LEFT JOIN device_heartbeats h ON h.device_id = (best.d).id
$$;
