-- Delete up to p_limit entries of the audit log older than p_days, which are 30 at least; tell how many. Settles: cleanups at the
-- same time (SKIP LOCKED).
CREATE OR REPLACE FUNCTION delete_acts(p_days int, p_limit int) RETURNS int LANGUAGE sql VOLATILE AS $$
    WITH gone AS (
        DELETE FROM audit_log WHERE id = ANY (ARRAY(
            SELECT id FROM audit_log WHERE at < scheduler_now() - make_interval(days => greatest(p_days, 30))
             ORDER BY at LIMIT p_limit FOR UPDATE SKIP LOCKED)) RETURNING 1
    )
    SELECT count(*)::int FROM gone
$$;
