-- Usage rows for the holders of these allocations: rows that came in past the claim (an import) may lack them.
CREATE OR REPLACE FUNCTION ensure_usage(p_ids uuid[]) RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO quota_usage (tenant_id, user_id)
    SELECT DISTINCT a.tenant_id, a.user_id FROM device_allocations a
     WHERE a.id = ANY (p_ids)
       AND NOT EXISTS (SELECT FROM quota_usage u WHERE (u.tenant_id, u.user_id) = (a.tenant_id, a.user_id))
     ORDER BY 1, 2
    ON CONFLICT DO NOTHING
$$;
