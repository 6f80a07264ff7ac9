-- Which devices of a tenant's pools could be lent now until p_until, and how many each filter leaves out; each device counts for the
-- first that does. Bounded: the first thousand devices, by id, of each of a hundred classes, the fitting ones first ("capped" says
-- that there are more). p_newcomer: as in best_classes. Unlocked: as things are now.
CREATE OR REPLACE FUNCTION explain_placement(
    p_tenant text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz
) RETURNS jsonb LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
    most    CONSTANT int := 1000;
    at      timestamptz := scheduler_now();
    awaited int[] := ARRAY(
        SELECT c.id FROM fitting_classes(p_tenant, p_wants, p_most) c
         CROSS JOIN LATERAL (SELECT d.next_reserved_at FROM devices d
                              WHERE d.class_id = c.id AND d.is_free AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
                              ORDER BY d.placement_score DESC LIMIT 1) head
         WHERE p_newcomer IS NOT NULL AND is_awaited(p_tenant, p_newcomer, c.id, head.next_reserved_at));
    counted jsonb;
BEGIN
    WITH kinds AS (
        SELECT c.id, CASE WHEN c.device_type <> p_wants.device_type THEN 'wrong_type'
                          WHEN c.cpu_cores < p_wants.min_cpu OR c.memory_mb < p_wants.min_memory_mb
                               OR c.storage_mb < p_wants.min_storage_mb THEN 'too_small'
                          WHEN NOT is_within(c, p_most) THEN 'over_quota' END AS unfit
          FROM spec_classes c WHERE c.pool IN ('', p_tenant) ORDER BY unfit NULLS FIRST, c.id LIMIT 100
    ), seen AS (
        SELECT d.life, d.place, CASE
                 WHEN k.unfit IS NOT NULL                                     THEN k.unfit
                 WHEN d.life <> 'in_service'                                  THEN d.life
                 WHEN d.status <> 'running'                                   THEN 'not_running'
                 WHEN d.active_allocation_id IS NOT NULL AND d.busy_until < at THEN 'overdue'
                 WHEN d.active_allocation_id IS NOT NULL                      THEN 'taken'
                 WHEN d.held_for IS NOT NULL                                  THEN 'held'
                 WHEN d.next_reserved_at < p_until                            THEN 'reserved'
                 WHEN k.id = ANY (awaited)                                    THEN 'awaited' END AS filter
          FROM kinds k CROSS JOIN LATERAL (
             SELECT life, status, active_allocation_id, busy_until, held_for, next_reserved_at, row_number() OVER (ORDER BY id) AS place
               FROM devices WHERE class_id = k.id ORDER BY id LIMIT most + 1) d
    ), kept AS (SELECT * FROM seen WHERE life <> 'deleted' AND place <= most)
    SELECT jsonb_build_object(
               'considered', (SELECT count(*) FROM kept), 'fitting', (SELECT count(*) FROM kept WHERE filter IS NULL),
               'capped', (SELECT coalesce(bool_or(place > most), false) FROM seen)
                         OR (SELECT count(*) > 100 FROM spec_classes WHERE pool IN ('', p_tenant)),
               'excluded', (SELECT coalesce(jsonb_object_agg(filter, devices), '{}')
                              FROM (SELECT filter, count(*) AS devices FROM kept WHERE filter IS NOT NULL GROUP BY filter) by_filter))
      INTO counted;
    RETURN counted || jsonb_build_object(
        'at', wire_time(at), 'strategy', (SELECT name FROM placement_strategy),
        'document', (SELECT document FROM placement_models WHERE is_active),
        'candidates', placement_heads(p_tenant, awaited, p_wants, p_most, p_until, 8));
END $$;
