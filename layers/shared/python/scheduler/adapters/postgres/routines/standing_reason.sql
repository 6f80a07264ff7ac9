-- Why a user may hold nothing, as refusals tell, or NULL. Of two events of the same instant the stricter counts, except that a payment
-- settles what is not newer.
CREATE OR REPLACE FUNCTION standing_reason(p_tenant text, p_user text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN s.deleted_at >= coalesce(s.activated_at, '-infinity')   THEN 'User is deleted'
        WHEN s.suspended_at >= coalesce(s.activated_at, '-infinity') THEN 'User is suspended'
        WHEN s.overdue_at > coalesce(s.paid_at, '-infinity')         THEN 'A payment is overdue'
        WHEN (SELECT count(*) FROM payment_failures f WHERE (f.tenant_id, f.user_id) = (p_tenant, p_user)) >= 3
                                                                     THEN 'Payments failed three times'
    END FROM user_standing s WHERE (s.tenant_id, s.user_id) = (p_tenant, p_user)
$$;
