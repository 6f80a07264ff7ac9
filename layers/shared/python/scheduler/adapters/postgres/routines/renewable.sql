-- The allocation that a renewal means, whether it has ended or not. p_holder NULL: whoever holds it; p_tenant NULL: of any tenant.
-- Another's is not seen.
CREATE OR REPLACE FUNCTION renewable(p_tenant text, p_holder text, p_allocation uuid) RETURNS device_allocations
LANGUAGE sql STABLE AS $$
    SELECT * FROM device_allocations
     WHERE id = p_allocation AND tenant_id = coalesce(p_tenant, tenant_id) AND user_id = coalesce(p_holder, user_id)
$$;
