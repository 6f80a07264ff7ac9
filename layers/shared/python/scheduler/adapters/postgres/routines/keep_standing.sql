-- Keep the time at which something was told of a user, unless it is known to be told later; of failed payments each, as long as no
-- payment settles them, and of those the newest three, which decide all. Called with her usage row locked.
CREATE OR REPLACE FUNCTION keep_standing(p_event text, p_at timestamptz, p_tenant text, p_user text, p_what text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    settled_at timestamptz;
BEGIN
    INSERT INTO user_standing AS s (tenant_id, user_id, suspended_at, deleted_at, activated_at, overdue_at, paid_at)
    VALUES (p_tenant, p_user, CASE p_what WHEN 'suspended' THEN p_at END, CASE p_what WHEN 'deleted' THEN p_at END,
            CASE p_what WHEN 'activated' THEN p_at END, CASE p_what WHEN 'overdue' THEN p_at END,
            CASE p_what WHEN 'paid' THEN p_at END)
    ON CONFLICT (tenant_id, user_id) DO UPDATE
       SET suspended_at = greatest(s.suspended_at, excluded.suspended_at), deleted_at = greatest(s.deleted_at, excluded.deleted_at),
           activated_at = greatest(s.activated_at, excluded.activated_at), overdue_at = greatest(s.overdue_at, excluded.overdue_at),
           paid_at = greatest(s.paid_at, excluded.paid_at)
    RETURNING paid_at INTO settled_at;

    INSERT INTO payment_failures (tenant_id, user_id, event_id, failed_at)
    SELECT p_tenant, p_user, p_event, p_at WHERE p_what = 'payment_failed'
    ON CONFLICT DO NOTHING;
    DELETE FROM payment_failures f
     WHERE (f.tenant_id, f.user_id) = (p_tenant, p_user)
       AND (f.failed_at <= settled_at OR f.event_id NOT IN (
               SELECT n.event_id FROM payment_failures n WHERE (n.tenant_id, n.user_id) = (p_tenant, p_user)
                ORDER BY n.failed_at DESC, n.event_id DESC LIMIT 3));
END $$;
