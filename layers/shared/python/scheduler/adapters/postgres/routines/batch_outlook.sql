-- When the devices that a batch asks for can be had: of each fitting class the devices that are free soonest, ten more than the
-- batch has items, each with its next four gaps between reservations. Unlocked: a look ahead, nobody is promised anything. What is
-- free now and awaited by a waiter is left out. Of each item its minutes and the classes that fit it, if any.
CREATE OR REPLACE FUNCTION batch_outlook(p_tenant text, p_items jsonb, p_terms quota_terms[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    WITH clock AS MATERIALIZED (
        SELECT scheduler_now() AS now_at
    ), asked AS (
        SELECT i.number, i.minutes,
               ARRAY(SELECT c.id FROM fitting_classes(i.tenant_id, i.wants, ROW (
                         (i.terms).device_cpu_cores, (i.terms).device_memory_mb, (i.terms).device_storage_mb)::device_size) c
                      ORDER BY c.cpu_cores, c.memory_mb, c.storage_mb, c.id LIMIT 50) AS classes
          FROM batch_items(p_tenant, p_items, p_terms) i
    ), soonest AS (
        SELECT d.id, d.class_id, greatest(d.busy_until, clock.now_at) AS free_at
          FROM clock
         CROSS JOIN (SELECT c.id, is_awaited('', '', c.id, NULL) AS awaited FROM (SELECT DISTINCT unnest(classes) AS id FROM asked) c) class
         CROSS JOIN LATERAL (
            SELECT * FROM devices o
             WHERE o.class_id = class.id AND o.status = 'running' AND o.life = 'in_service' AND o.held_for IS NULL
               AND (o.busy_until < 'infinity' OR (o.active_allocation_id IS NULL AND NOT class.awaited))
             ORDER BY o.busy_until NULLS FIRST LIMIT (SELECT 10 + count(*) FROM asked)) d
    ), gaps AS (
        SELECT s.class_id, gap.* FROM soonest s
         CROSS JOIN LATERAL (
            SELECT greatest(b.ends_at, s.free_at) AS begins_at, lead(b.starts_at) OVER (ORDER BY b.starts_at) AS ends_at,
                   row_number() OVER (ORDER BY b.starts_at) AS place
              FROM (SELECT '-infinity'::timestamptz AS starts_at, '-infinity'::timestamptz AS ends_at
                    UNION ALL (SELECT r.starts_at, r.ends_at FROM reservations r
                                WHERE r.device_id = s.id AND r.status = 'pending' ORDER BY r.starts_at LIMIT 4)) b) gap
         WHERE gap.place <= 4 AND (gap.ends_at IS NULL OR gap.ends_at > gap.begins_at)
    )
    SELECT jsonb_build_object(
        'items', (SELECT jsonb_agg(jsonb_build_array(a.minutes, a.classes) ORDER BY a.number) FROM asked a),
        'gaps', (SELECT coalesce(jsonb_agg(jsonb_build_array(g.class_id, wire_time(g.begins_at), wire_time(g.ends_at))), '[]')
                   FROM gaps g))
$$;
