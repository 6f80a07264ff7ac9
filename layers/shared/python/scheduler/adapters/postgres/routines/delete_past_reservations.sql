-- Delete up to p_limit reservations that have ended and whose window lies more than p_days back. Marks how far, so that an audit
-- knows. Settles: cleanups at the same time (SKIP LOCKED).
CREATE OR REPLACE FUNCTION delete_past_reservations(p_days int, p_limit int) RETURNS int LANGUAGE sql VOLATILE AS $$
    WITH gone AS (
        DELETE FROM reservations WHERE id = ANY (ARRAY(
            SELECT id FROM reservations
             WHERE status NOT IN ('pending', 'executing') AND ends_at < scheduler_now() - make_interval(days => p_days)
             ORDER BY ends_at LIMIT p_limit FOR UPDATE SKIP LOCKED)) RETURNING updated_at
    ), marked AS (
        INSERT INTO retention_marks AS m (kind, deleted_until)
        SELECT 'reservations', max(updated_at) FROM gone HAVING count(*) > 0
        ON CONFLICT (kind) DO UPDATE SET deleted_until = greatest(m.deleted_until, excluded.deleted_until)
    )
    SELECT count(*)::int FROM gone
$$;
