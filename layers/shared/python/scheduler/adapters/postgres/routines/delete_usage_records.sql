-- Delete up to p_limit usage records that ended more than p_days ago, the oldest first, none before its allocation is gone: what can
-- be proved stays provable. p_told_only: those that the billing service has acknowledged. Settles: cleanups at the same time (SKIP LOCKED).
CREATE OR REPLACE FUNCTION delete_usage_records(p_days int, p_told_only boolean, p_limit int) RETURNS int LANGUAGE sql VOLATILE AS $$
    WITH gone AS (
        DELETE FROM usage_records WHERE (allocation_id, segment, kind) IN (
            SELECT r.allocation_id, r.segment, r.kind FROM usage_records r
             WHERE r.ended_at < scheduler_now() - make_interval(days => p_days)
               AND (r.delivered_at IS NOT NULL OR NOT p_told_only)
               AND NOT EXISTS (SELECT FROM device_allocations a WHERE a.id = r.allocation_id OFFSET 0)
             ORDER BY r.ended_at LIMIT p_limit FOR UPDATE OF r SKIP LOCKED) RETURNING 1
    )
    SELECT count(*)::int FROM gone
$$;
