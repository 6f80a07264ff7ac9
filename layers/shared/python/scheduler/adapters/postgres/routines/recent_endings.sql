-- How the last 2,000 allocations of 14 days ended: given back early, by the twentieth of their time that was used; in full, and
-- how late the sweep was; and what renewals added. Times in seconds.
CREATE OR REPLACE FUNCTION recent_endings(p_at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH ended AS (
        SELECT *, extract(epoch FROM released_at - allocated_at) / extract(epoch FROM expires_at - allocated_at) AS used
          FROM (SELECT * FROM device_allocations
                 WHERE status <> 'allocated' AND released_at > p_at - interval '14 days'
                 ORDER BY released_at DESC LIMIT 2000) a
         WHERE expires_at > allocated_at
    ), early AS (
        SELECT least(greatest(floor(used * 20), 0), 19)::int AS part, count(*) AS n
          FROM ended WHERE status <> 'expired' GROUP BY part
    )
    SELECT jsonb_build_object(
        'early', (SELECT jsonb_agg(coalesce(e.n, 0) ORDER BY parts.part)
                    FROM generate_series(0, 19) parts (part) LEFT JOIN early e ON e.part = parts.part),
        'inFull', count(*) FILTER (WHERE status = 'expired'),
        'lateSeconds', avg(least(extract(epoch FROM released_at - expires_at), 600)) FILTER (WHERE status = 'expired'),
        'renewals', coalesce(sum(renewal_count), 0),
        'renewedSeconds', sum(extract(epoch FROM expires_at - allocated_at) - duration_minutes * 60)
                          FILTER (WHERE renewal_count > 0) / sum(renewal_count))
      FROM ended
$$;
