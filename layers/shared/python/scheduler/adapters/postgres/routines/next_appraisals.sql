-- The next devices of a round of appraisals, in the order of id, with what is known of them, of their hosts and of their models, and how
-- scarce each one's class is: the share that is lent of its first thirty, in tenths. NULL: no model is published. Writes nothing.
CREATE OR REPLACE FUNCTION next_appraisals(p_limit int) RETURNS jsonb LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    WITH batch AS MATERIALIZED (
        SELECT id, class_id, host, model, cpu_cores FROM devices
         WHERE id > (SELECT appraised_id FROM placement_learning) ORDER BY id LIMIT p_limit
    ), classes AS MATERIALIZED (
        SELECT c.class_id, (SELECT round(avg((s.active_allocation_id IS NOT NULL)::int), 1)
                              FROM (SELECT active_allocation_id FROM devices WHERE class_id = c.class_id ORDER BY id LIMIT 30) s) AS taken
          FROM (SELECT DISTINCT class_id FROM batch) c
    ), concerned AS (
        SELECT 'device' AS scope, id FROM batch UNION SELECT 'host', host FROM batch UNION SELECT 'kind', model FROM batch
    )
    SELECT jsonb_build_object(
        'document', m.document, 'now', wire_time(scheduler_now()), 'after', l.appraised_id,
        'devices', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'deviceId', b.id, 'host', b.host, 'kind', b.model, 'cpuCores', b.cpu_cores, 'taken', c.taken) ORDER BY b.id), '[]')
                      FROM batch b JOIN classes c USING (class_id)),
        'records', (SELECT coalesce(jsonb_agg(to_jsonb(k)), '[]') FROM concerned c
                     CROSS JOIN LATERAL (SELECT * FROM placement_records WHERE scope = c.scope AND id = c.id OFFSET 0) k))
      FROM placement_models m CROSS JOIN placement_learning l
     WHERE m.is_active
$$;
