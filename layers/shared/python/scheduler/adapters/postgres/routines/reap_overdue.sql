-- End overdue allocations that stand in the way of one request: the user's own, and those on devices that would serve her.
-- At most 20. Returns what was ended. Without seqscan: few are due, which the planner cannot know.
CREATE OR REPLACE FUNCTION reap_overdue(p_tenant text, p_user text, p_wants device_wants) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    due uuid[];
BEGIN
    due := ARRAY(
        SELECT id FROM device_allocations
         WHERE status = 'allocated' AND expires_at <= scheduler_now() AND (tenant_id, user_id) = (p_tenant, p_user)
         ORDER BY expires_at LIMIT 10)
        || ARRAY(
        SELECT a.id FROM device_allocations a JOIN devices d ON d.id = a.device_id
         WHERE a.status = 'allocated' AND a.expires_at <= scheduler_now()
           AND (a.tenant_id, a.user_id) <> (p_tenant, p_user)
           AND d.class_id IN (SELECT c.id FROM fitting_classes(p_tenant, p_wants, NULL) c)
         ORDER BY a.expires_at LIMIT 10);
    PERFORM ensure_usage(due);
    RETURN QUERY SELECT * FROM end_allocations(due, 'expired');
END $$;
