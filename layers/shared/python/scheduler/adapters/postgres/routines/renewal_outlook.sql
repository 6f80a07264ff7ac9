-- What a renewal would be answered now, and the last hundred that were made, newest first; NULL: there is no such allocation. Asks
-- for a minute, the least, by the function that decides. Nothing is locked, so a later renewal may still be told otherwise.
CREATE OR REPLACE FUNCTION renewal_outlook(p_tenant text, p_holder text, p_allocation uuid, p_terms renewal_terms)
RETURNS jsonb LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT renewal_verdict(a, d, u, p_terms, 1, scheduler_now()) || jsonb_build_object(
               'allocationId', a.id,
               'history', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                               'renewedAt', wire_time(r.renewed_at), 'additionalMinutes', r.additional_minutes,
                               'oldExpiresAt', wire_time(r.old_expires_at), 'newExpiresAt', wire_time(r.new_expires_at),
                               'reason', r.reason) ORDER BY r.number DESC), '[]')
                             FROM (SELECT * FROM allocation_renewals WHERE allocation_id = a.id
                                    ORDER BY number DESC LIMIT 100) r))
      FROM renewable(p_tenant, p_holder, p_allocation) a
      LEFT JOIN devices d ON d.id = a.device_id
      LEFT JOIN quota_usage u ON (u.tenant_id, u.user_id) = (a.tenant_id, a.user_id)
     WHERE a.id IS NOT NULL
$$;
