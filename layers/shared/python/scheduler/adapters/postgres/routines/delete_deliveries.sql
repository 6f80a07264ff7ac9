-- Delete up to p_limit deliveries that were finished more than 7 days ago; tell how many. Settles: cleanups at the same time (SKIP LOCKED).
CREATE OR REPLACE FUNCTION delete_deliveries(p_limit int) RETURNS int
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    WITH gone AS (
        DELETE FROM webhook_deliveries WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM webhook_deliveries
             WHERE next_attempt_at IS NULL AND coalesce(delivered_at, failed_at) < scheduler_now() - interval '7 days'
             ORDER BY coalesce(delivered_at, failed_at) LIMIT p_limit FOR UPDATE SKIP LOCKED)) RETURNING 1
    )
    SELECT count(*)::int FROM gone
$$;
