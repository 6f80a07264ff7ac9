-- How the promises of some days were kept. Known: served, or ended unserved after its p90 was over. The last 10,000 that ended.
CREATE OR REPLACE FUNCTION queue_calibration(p_tenant text, p_days int) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH ended AS (
        SELECT status = 'fulfilled' AS served, extract(epoch FROM ended_at - joined_at) AS waited, promised_p50, promised_p90
          FROM (SELECT * FROM queue_entries
                 WHERE status <> 'waiting' AND ended_at > scheduler_now() - make_interval(days => p_days)
                 ORDER BY ended_at DESC LIMIT 10000) e
         WHERE promised_p90 IS NOT NULL AND (p_tenant IS NULL OR tenant_id = p_tenant)
    )
    SELECT jsonb_build_object(
        'days', p_days,
        'known', count(*) FILTER (WHERE served OR waited > promised_p90),
        'withinP50', count(*) FILTER (WHERE served AND waited <= promised_p50),
        'withinP90', count(*) FILTER (WHERE served AND waited <= promised_p90),
        'unknown', count(*) FILTER (WHERE NOT served AND waited <= promised_p90))
      FROM ended
$$;
