-- Real waits as multiples of what was computed for them at the join (30 s added to both), lately: the last 400 that ended, and those
-- that go on. Counts by sixteenths of an octave from 1/16 to 16, apart for short, middling and long forecasts, and for the served and
-- those who left or wait still. Strata and buckets are those of domain/calibration.py.
CREATE OR REPLACE FUNCTION recent_ratios(p_at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH recent AS (
        (SELECT * FROM queue_entries WHERE status <> 'waiting' AND ended_at > p_at - interval '14 days'
          ORDER BY ended_at DESC LIMIT 400)
        UNION ALL
        (SELECT * FROM queue_entries WHERE status = 'waiting' ORDER BY rank, id LIMIT 200)
    ), counted AS (
        SELECT computed.level, width_bucket(raw_p90::float8, ARRAY[900, 3600]::float8[]) AS stratum,
               CASE status WHEN 'fulfilled' THEN 'served' ELSE 'left' END AS outcome, bucket.place, count(*) AS n
          FROM recent
         CROSS JOIN LATERAL (VALUES ('p50', raw_p50), ('p90', raw_p90)) computed (level, seconds)
         CROSS JOIN LATERAL (SELECT greatest(extract(epoch FROM coalesce(ended_at, p_at) - joined_at), 0) AS seconds) waited
         CROSS JOIN LATERAL (SELECT least(greatest(floor(16 * (
                4 + log(2, (waited.seconds + 30)::numeric / (computed.seconds + 30)::numeric))), 0), 127)::int AS place) bucket
         WHERE computed.seconds IS NOT NULL
         GROUP BY computed.level, stratum, outcome, bucket.place
    ), outcomes AS (
        SELECT level, stratum, outcome, jsonb_object_agg(place, n) AS counts FROM counted GROUP BY level, stratum, outcome
    ), strata AS (
        SELECT level, stratum, jsonb_object_agg(outcome, counts) AS counts FROM outcomes GROUP BY level, stratum
    ), levels AS (
        SELECT level, jsonb_object_agg(stratum, counts) AS counts FROM strata GROUP BY level
    )
    SELECT coalesce(jsonb_object_agg(level, counts), '{}') FROM levels
$$;
