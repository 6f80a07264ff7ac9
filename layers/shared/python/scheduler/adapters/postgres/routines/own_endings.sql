-- A user's own allocations that end soonest, at most ten, as arrays: seconds used, seconds left.
CREATE OR REPLACE FUNCTION own_endings(held quota_usage, p_at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_agg(jsonb_build_array(
               greatest(floor(extract(epoch FROM p_at - a.allocated_at)), 0),
               greatest(ceil(extract(epoch FROM a.expires_at - p_at)), 0)))
      FROM (SELECT allocated_at, expires_at FROM device_allocations
             WHERE (tenant_id, user_id) = (held.tenant_id, held.user_id) AND status = 'allocated' AND expires_at < 'infinity'
             ORDER BY expires_at LIMIT 10) a
$$;
