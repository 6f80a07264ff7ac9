-- How the waits of the last p_hours ended, by tier; of the newest 100,000 at most. Waits are those that were fulfilled.
CREATE OR REPLACE FUNCTION queue_statistics(p_hours int)
RETURNS TABLE (tier text, waiting bigint, fulfilled bigint, expired bigint, cancelled bigint, p50 float, p90 float)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    WITH seen AS (
        SELECT e.tier, e.status, extract(epoch FROM e.ended_at - e.joined_at)::float AS seconds
          FROM (SELECT * FROM queue_entries
                 WHERE status <> 'waiting' AND ended_at > scheduler_now() - make_interval(hours => p_hours)
                 ORDER BY ended_at DESC LIMIT 100000) e
        UNION ALL
        SELECT w.tier, w.status, NULL FROM (SELECT * FROM queue_entries WHERE status = 'waiting' LIMIT 100000) w
    )
    SELECT s.tier::text, count(*) FILTER (WHERE s.status = 'waiting'), count(*) FILTER (WHERE s.status = 'fulfilled'),
           count(*) FILTER (WHERE s.status = 'expired'), count(*) FILTER (WHERE s.status = 'cancelled'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds) FILTER (WHERE s.status = 'fulfilled'),
           percentile_cont(0.9) WITHIN GROUP (ORDER BY s.seconds) FILTER (WHERE s.status = 'fulfilled')
      FROM seen s GROUP BY GROUPING SETS ((s.tier), ())
$$;
