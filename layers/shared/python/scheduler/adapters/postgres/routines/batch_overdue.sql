-- Overdue allocations that stand in the way of a batch: those of its users, and for each kind of device that it asks for as many
-- as it has items, on devices that would serve. At most 200, the longest overdue first. Unlocked: a hint what to end.
CREATE OR REPLACE FUNCTION batch_overdue(p_tenant text, p_items jsonb) RETURNS uuid[] LANGUAGE sql STABLE
SET enable_seqscan = off AS $$
    WITH asked AS (
        SELECT i.tenant_id, i.user_id, i.wants FROM batch_items(p_tenant, p_items, NULL) i WHERE i.refusal IS NULL
    ), due AS (
        SELECT a.id, a.expires_at FROM device_allocations a
         WHERE a.status = 'allocated' AND a.expires_at <= scheduler_now()
           AND (a.tenant_id, a.user_id) IN (SELECT tenant_id, user_id FROM asked)
        UNION
        SELECT near.id, near.expires_at FROM (SELECT DISTINCT tenant_id, wants FROM asked) kind
         CROSS JOIN LATERAL (
            SELECT a.id, a.expires_at FROM device_allocations a JOIN devices d ON d.id = a.device_id
             WHERE a.status = 'allocated' AND a.expires_at <= scheduler_now()
               AND d.class_id IN (SELECT c.id FROM fitting_classes(kind.tenant_id, kind.wants, NULL) c)
             ORDER BY a.expires_at LIMIT (SELECT count(*) FROM asked)) near
    )
    SELECT coalesce(array_agg(id), '{}') FROM (SELECT id FROM due ORDER BY expires_at LIMIT 200) oldest
$$;
