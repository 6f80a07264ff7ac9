-- End up to p_limit overdue allocations, the longest overdue first. Settles: sweeps at the same time, renewals and releases (what
-- is due is decided again under the locks). Users whose row is busy are passed over without counting, so that one of them cannot
-- hold up the sweep; the next one comes to them. Returns what was ended.
-- Without seqscan: few are due, which the planner cannot know.
CREATE OR REPLACE FUNCTION expire_due(p_limit int) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    due     uuid[];
    lacking uuid[];
BEGIN
    lacking := ARRAY(
        SELECT d.id FROM (SELECT id, tenant_id, user_id FROM device_allocations
                           WHERE status = 'allocated' AND expires_at <= scheduler_now() ORDER BY expires_at LIMIT p_limit) d
         WHERE NOT EXISTS (SELECT FROM quota_usage u WHERE (u.tenant_id, u.user_id) = (d.tenant_id, d.user_id)));
    IF lacking <> '{}' THEN
        PERFORM ensure_usage(lacking);
    END IF;
    due := ARRAY(
        SELECT a.id FROM device_allocations a JOIN quota_usage u ON (u.tenant_id, u.user_id) = (a.tenant_id, a.user_id)
         WHERE a.status = 'allocated' AND a.expires_at <= scheduler_now()
         ORDER BY a.expires_at LIMIT p_limit FOR UPDATE OF u SKIP LOCKED);
    RETURN QUERY SELECT * FROM end_allocations(due, 'expired');
END $$;
