-- Plan, status and limits of some users in the built-in quotas, in the order asked; who has no plan has p_plan. Within a tenant's
-- request those of its own users, and of others who wait: whoever serves the line has to know what their quotas allow now.
CREATE OR REPLACE FUNCTION read_quotas(p_tenants text[], p_users text[], p_plan text)
RETURNS TABLE (status text, valid_until timestamptz, own_limits jsonb, plan quota_plans)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT coalesce(q.status, 'active'), q.valid_until, q.limits, p
      FROM unnest(p_tenants, p_users) WITH ORDINALITY asked (tenant_id, user_id, position)
      LEFT JOIN quotas q ON (q.tenant_id, q.user_id) = (asked.tenant_id, asked.user_id)
           AND (q.tenant_id = coalesce(NULLIF(current_setting('app.tenant', true), ''), q.tenant_id)
                OR EXISTS (SELECT FROM queue_entries e
                            WHERE e.status = 'waiting' AND (e.tenant_id, e.user_id) = (q.tenant_id, q.user_id)))
      LEFT JOIN quota_plans p ON p.name = coalesce(q.plan_name, p_plan)
     ORDER BY asked.position
$$;
