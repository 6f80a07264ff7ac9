-- Whether a refusal could still be turned: somebody is taking a device that fits and may give it up, or overdue allocations
-- (the user's own when the quota refuses, anybody's when the fleet does) have not been ended yet.
CREATE OR REPLACE FUNCTION worth_retrying(
    p_tenant text, p_user text, p_wants device_wants, p_most device_size, p_refusal text
) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN p_refusal IS NULL
        THEN EXISTS (SELECT FROM fitting_classes(p_tenant, p_wants, p_most) c
                       JOIN devices d ON d.class_id = c.id AND d.is_free)
          OR EXISTS (SELECT FROM device_allocations WHERE status = 'allocated' AND expires_at <= scheduler_now())
        ELSE EXISTS (SELECT FROM device_allocations
                      WHERE status = 'allocated' AND expires_at <= scheduler_now()
                        AND (tenant_id, user_id) = (p_tenant, p_user))
    END
$$;
