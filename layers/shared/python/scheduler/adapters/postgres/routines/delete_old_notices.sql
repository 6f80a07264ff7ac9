-- Delete up to p_limit notices older than p_days, read or not. Settles: cleanups at the same time (SKIP LOCKED).
CREATE OR REPLACE FUNCTION delete_old_notices(p_days int, p_limit int) RETURNS int LANGUAGE sql VOLATILE AS $$
    WITH gone AS (
        DELETE FROM notifications WHERE id = ANY (ARRAY(
            SELECT id FROM notifications WHERE created_at < scheduler_now() - make_interval(days => p_days)
             ORDER BY created_at LIMIT p_limit FOR UPDATE SKIP LOCKED)) RETURNING 1
    )
    SELECT count(*)::int FROM gone
$$;
