-- All that the wait of some entries (at most 200) is estimated from, in one round trip: the line up to the last of them (its first
-- 500, and the asked), who joined in the last hour, the devices that any of them could have, and what the past teaches.
CREATE OR REPLACE FUNCTION queue_outlook(p_entries uuid[]) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    lessons outlook_lessons := learn_outlook();
    at      timestamptz := scheduler_now();
    facts   jsonb;
BEGIN
    WITH asked AS (
        SELECT id, rank FROM queue_entries WHERE id = ANY (p_entries[1:200]) AND status = 'waiting'
    ), line AS (
        SELECT entry.* FROM (
            SELECT id FROM asked UNION
            (SELECT id FROM queue_entries
              WHERE status = 'waiting' AND rank <= (SELECT max(rank) FROM asked) ORDER BY rank, id LIMIT 500)) chosen
          CROSS JOIN LATERAL (SELECT * FROM queue_entries WHERE id = chosen.id OFFSET 0) entry
    ), lately AS (
        (SELECT * FROM queue_entries WHERE status <> 'waiting' AND ended_at > at - interval '1 hour'
          ORDER BY ended_at DESC LIMIT 500)
        UNION ALL
        (SELECT * FROM queue_entries WHERE status = 'waiting' ORDER BY rank, id LIMIT 500)
    ), streams AS (
        SELECT tenant_id, wants, most_of(terms) AS most, round(extract(epoch FROM joined_at) - rank) AS head_start, count(*) AS n
          FROM lately WHERE joined_at > at - interval '1 hour' GROUP BY 1, 2, 3, 4
    ), wishes AS MATERIALIZED (
        SELECT w.*, ARRAY(SELECT c.id FROM fitting_classes(w.tenant_id, w.wants, w.most) c) AS classes
          FROM (SELECT tenant_id, wants, most_of(terms) AS most FROM line
                UNION SELECT tenant_id, wants, most FROM streams) w
    )
    SELECT jsonb_build_object(
        'line', (SELECT jsonb_agg(jsonb_build_array(
                     l.id, l.rank, l.duration_minutes * 60, extract(epoch FROM at - l.joined_at),
                     extract(epoch FROM l.expires_at - at), w.classes,
                     CASE WHEN quota_refusal(u, l.terms, at) IS NOT NULL THEN own_endings(u, at) END))
                   FROM line l JOIN wishes w ON (w.tenant_id, w.wants, w.most) IS NOT DISTINCT FROM (l.tenant_id, l.wants, most_of(l.terms))
                   LEFT JOIN quota_usage u ON (u.tenant_id, u.user_id) = (l.tenant_id, l.user_id)),
        'streams', (SELECT jsonb_agg(jsonb_build_array(s.head_start, s.n / 3600.0, w.classes))
                      FROM streams s JOIN wishes w ON (w.tenant_id, w.wants, w.most) IS NOT DISTINCT FROM (s.tenant_id, s.wants, s.most)),
        'devices', (SELECT jsonb_agg(d) FROM outlook_devices(
                        ARRAY(SELECT DISTINCT unnest(classes) FROM wishes), at) d))
      INTO facts;
    RETURN facts || jsonb_build_object('at', extract(epoch FROM at), 'asked', p_entries[1:200],
                                       'endings', lessons.endings, 'ratios', lessons.ratios);
END $$;
