-- For how long a user will use a device, as domain/placement_model.expected_hours: the asked minutes times the share after which devices
-- of her tenant come back, by what was learned of such minutes or else by the model; and as far as the model says that it foretells
-- better (own), the mean of the last two sessions of hers that have ended. A set of one row, so that it is inlined.
CREATE OR REPLACE FUNCTION expected_hours(p_tenant text, p_user text, p_minutes int, p_weights claim_weights)
RETURNS TABLE (hours float) LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN hers.own_hours IS NULL THEN hers.asked_hours * hers.share
                ELSE p_weights.own * least(hers.own_hours, hers.asked_hours) + (1 - p_weights.own) * hers.asked_hours * hers.share END
      FROM (SELECT p_minutes / 60.0::float AS asked_hours, coalesce(
                (SELECT u.share FROM placement_uses u WHERE u.tenant_id = p_tenant AND u.step = use_step(p_minutes)),
                p_weights.use) AS share,
                CASE WHEN p_weights.own > 0 THEN (
                    SELECT avg(l.duration_seconds)::float / 3600
                      FROM (SELECT duration_seconds FROM device_allocations
                             WHERE tenant_id = p_tenant AND user_id = p_user AND status <> 'allocated'
                             ORDER BY allocated_at DESC, id DESC LIMIT 2) l) END AS own_hours OFFSET 0) hers
$$;
