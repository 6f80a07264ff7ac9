-- Delete up to p_limit allocations that ended more than p_days ago, the oldest first; never an active one (its released_at is
-- null, and the status is asked as well). Marks how far, so that an audit knows. Settles: cleanups at the same time (SKIP LOCKED).
CREATE OR REPLACE FUNCTION delete_ended(p_days int, p_limit int) RETURNS int LANGUAGE sql VOLATILE AS $$
    WITH gone AS (
        DELETE FROM device_allocations
         WHERE id IN (SELECT id FROM device_allocations
                       WHERE status <> 'allocated' AND released_at < scheduler_now() - make_interval(days => p_days)
                       ORDER BY released_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING released_at
    ), marked AS (
        INSERT INTO retention_marks AS m (kind, deleted_until)
        SELECT 'allocations', max(released_at) FROM gone HAVING count(*) > 0
        ON CONFLICT (kind) DO UPDATE SET deleted_until = greatest(m.deleted_until, excluded.deleted_until)
    )
    SELECT count(*)::int FROM gone
$$;
