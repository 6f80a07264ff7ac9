-- The next ended allocations after the last lesson, the oldest first, each with its segments on devices; and what is known of those
-- devices, their hosts and models, and of their tenants' uses ("endings" are those that nothing cut short). Half a minute behind: an end is stamped before it commits, and no statement lives for ten seconds,
-- so what is older than that is there or never will be, and none is passed over. NULL: no model is published. Writes nothing.
CREATE OR REPLACE FUNCTION next_lesson(p_limit int) RETURNS jsonb LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    WITH ended AS MATERIALIZED (
        SELECT a.id, a.released_at, a.allocated_at, a.status, a.tenant_id, a.duration_minutes, a.duration_seconds, coalesce((a.weighed).trial, a.decision ->> 'trial') AS trial,
               coalesce((a.weighed).would_lend, a.decision ->> 'wouldLend') AS would_lend FROM device_allocations a
         WHERE a.status <> 'allocated' AND a.released_at >= (SELECT ended_at FROM placement_learning)
           AND (a.released_at, a.id) > (SELECT ended_at, ended_id FROM placement_learning)
           AND a.released_at < scheduler_now() - interval '30 seconds'
         ORDER BY a.released_at, a.id LIMIT p_limit
    ), sessions AS MATERIALIZED (
        SELECT e.released_at, e.id, r.segment, r.device_id, d.host, d.model, coalesce(r.device_failed, false) AS failed,
               extract(epoch FROM r.ended_at) AS ended_at, extract(epoch FROM r.ended_at - r.started_at) / 3600 AS hours,
               CASE WHEN r.segment > 1 OR e.allocated_at < t.changed_at OR t.trial_share IS NULL THEN NULL
                    WHEN e.trial <> 'shadow' THEN e.trial
                    WHEN e.would_lend = r.device_id THEN 'agreed'
                    WHEN e.trial = 'shadow' THEN 'differed' END AS arm
          FROM ended e CROSS JOIN placement_strategy t
         CROSS JOIN LATERAL (SELECT * FROM usage_records WHERE allocation_id = e.id AND kind = 'usage' OFFSET 0) r
          LEFT JOIN LATERAL (SELECT host, model FROM devices WHERE id = r.device_id OFFSET 0) d ON true
    ), concerned AS (
        SELECT 'device' AS scope, device_id AS id FROM sessions UNION SELECT 'host', host FROM sessions
         UNION SELECT 'kind', model FROM sessions
    )
    SELECT jsonb_build_object(
        'document', m.document, 'now', wire_time(scheduler_now()), 'endedAt', l.ended_at::text, 'endedId', l.ended_id,
        'watched', l.watched, 'trial', trial_now(l),
        'last', (SELECT jsonb_build_object('endedAt', e.released_at::text, 'endedId', e.id)
                   FROM ended e ORDER BY e.released_at DESC, e.id DESC LIMIT 1),
        'sessions', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'deviceId', s.device_id, 'host', s.host, 'kind', s.model, 'failed', s.failed, 'endedAt', s.ended_at,
                        'hours', s.hours, 'arm', s.arm) ORDER BY s.released_at, s.id, s.segment), '[]') FROM sessions s),
        'endings', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'tenantId', e.tenant_id, 'minutes', e.duration_minutes, 'hours', e.duration_seconds / 3600.0::float,
                        'endedAt', extract(epoch FROM e.released_at)) ORDER BY e.released_at, e.id), '[]')
                      FROM ended e WHERE e.status <> 'revoked' AND (SELECT bool_and(NOT s.failed) FROM sessions s WHERE s.id = e.id)),
        'uses', (SELECT coalesce(jsonb_agg(to_jsonb(u)), '[]') FROM (SELECT DISTINCT tenant_id FROM ended) e
                  CROSS JOIN LATERAL (SELECT * FROM placement_uses WHERE tenant_id = e.tenant_id OFFSET 0) u),
        'records', (SELECT coalesce(jsonb_agg(to_jsonb(k)), '[]') FROM concerned c
                     CROSS JOIN LATERAL (SELECT * FROM placement_records WHERE scope = c.scope AND id = c.id OFFSET 0) k))
      FROM placement_models m CROSS JOIN placement_learning l
     WHERE m.is_active
$$;
