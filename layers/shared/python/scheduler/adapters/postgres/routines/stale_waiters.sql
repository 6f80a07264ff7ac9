-- A waiter and up to nine behind her whose quota was read too long ago: who they are and what they want, to read it again.
CREATE OR REPLACE FUNCTION stale_waiters(p_first queue_entries, p_passed uuid[], p_fresh_seconds int) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'entryId', e.id, 'tenantId', e.tenant_id, 'userId', e.user_id, 'deviceType', (e.wants).device_type,
               'minCpu', (e.wants).min_cpu, 'minMemory', (e.wants).min_memory_mb, 'minStorage', (e.wants).min_storage_mb)), '[]')
      FROM (SELECT * FROM queue_entries
             WHERE status = 'waiting' AND (rank, id) >= (p_first.rank, p_first.id) AND id <> ALL (p_passed)
               AND terms_read_at < scheduler_now() - make_interval(secs => p_fresh_seconds)
             ORDER BY rank, id LIMIT 10) e
$$;
