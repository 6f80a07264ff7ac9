-- Give an active allocation a later end, for its holder (or, p_holder NULL, for a service of the tenant; p_tenant NULL: for an
-- operator). Settles: renewals at the same time (each sees the one before), renewal against release and expiry (the owner is read
-- unlocked, her usage row locked, the rows read again) and against bookings (next_reserved_at on the device's own row). Outcomes:
-- renewed | not_found | those of renewal_verdict. Without seqscan: a session keeps the plans that it made while tables were small.
CREATE OR REPLACE FUNCTION renew_allocation(
    p_tenant text, p_holder text, p_allocation uuid, p_terms renewal_terms, p_minutes int, p_reason text, p_key request_key
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer jsonb;
    target device_allocations;
    device devices;
    held   quota_usage;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    target := renewable(p_tenant, p_holder, p_allocation);
    IF target.status = 'allocated' THEN
        held := lock_usage(target.tenant_id, target.user_id);
        SELECT * INTO target FROM device_allocations WHERE id = p_allocation FOR UPDATE;
        SELECT * INTO device FROM devices WHERE id = target.device_id FOR UPDATE;
    END IF;
    IF target.id IS NULL THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'not_found'));
    END IF;
    answer := renew_locked(target, device, held, p_terms, p_minutes, p_reason, scheduler_clock());
    RETURN close_request(p_key, answer);
END $$;
