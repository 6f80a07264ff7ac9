-- Say that a tenant, or one of its users, has as many as it may (0: no cap), or nothing: there is room for p_more, or the request was
-- answered before under its key. It counts without a lock: requests at the same time may pass a cap together, each by what it asks
-- for. A lock would have all requests of a tenant wait for each other.
CREATE OR REPLACE FUNCTION cap_refusal(
    p_what text, p_tenant text, p_user text, p_more int, p_tenant_cap int, p_user_cap int, p_key request_key
) RETURNS jsonb LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
    held bigint;
BEGIN
    IF p_key.key IS NOT NULL AND EXISTS (
        SELECT FROM idempotency_keys k
         WHERE (k.tenant_id, k.caller, k.route, k.key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key)) THEN
        RETURN NULL;
    END IF;
    IF p_tenant_cap > 0 THEN
        held := CASE p_what
            WHEN 'allocations' THEN (SELECT coalesce(sum(granted - released - expired - revoked), 0) FROM allocation_counters
                                      WHERE tenant_id = p_tenant)
            WHEN 'reservations' THEN (SELECT count(*) FROM (SELECT FROM reservations WHERE tenant_id = p_tenant
                                                               AND status = 'pending' LIMIT p_tenant_cap) r)
            WHEN 'waits' THEN (SELECT count(*) FROM (SELECT FROM queue_entries WHERE tenant_id = p_tenant
                                                        AND status = 'waiting' LIMIT p_tenant_cap) q)
        END;
        IF held + p_more > p_tenant_cap THEN
            RETURN jsonb_build_object('outcome', 'cap_reached', 'what', p_what, 'whose', 'tenant', 'cap', p_tenant_cap);
        END IF;
    END IF;
    IF p_user_cap > 0 THEN
        ASSERT p_what = 'reservations';  -- the others are held by her quota, and to one
        held := (SELECT count(*) FROM (SELECT FROM reservations WHERE (user_id, tenant_id) = (p_user, p_tenant)
                                          AND status = 'pending' LIMIT p_user_cap) r);
        IF held + p_more > p_user_cap THEN
            RETURN jsonb_build_object('outcome', 'cap_reached', 'what', p_what, 'whose', 'user', 'cap', p_user_cap);
        END IF;
    END IF;
    RETURN NULL;
END $$;
