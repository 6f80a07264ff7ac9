-- End the active allocation of a device for its holder (or, p_holder NULL, for a service of the tenant; p_tenant NULL: for an
-- operator). Settles: release against expiry and renewal (the owner is read unlocked, her usage row locked, the row read again)
-- and a late release against the next holder (allocation id and fencing token). Outcomes: released | expired | not_found |
-- not_active | stale_fence. Without seqscan: a session keeps the plans that it made while the tables were small.
CREATE OR REPLACE FUNCTION release_device(
    p_tenant text, p_holder text, p_device text, p_allocation uuid, p_fence bigint, p_key request_key
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer jsonb;
    target device_allocations;
    ended  device_allocations;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    target := releasable(p_tenant, p_holder, p_device, p_allocation);
    IF target.status = 'allocated' THEN
        PERFORM lock_usage(target.tenant_id, target.user_id);
        PERFORM FROM device_allocations WHERE id = target.id FOR UPDATE;
        PERFORM FROM devices WHERE id = p_device FOR UPDATE;
        target := releasable(p_tenant, p_holder, p_device, target.id);
    END IF;

    IF target.id IS NULL OR (p_allocation IS NULL AND target.status <> 'allocated') THEN  -- ended while we waited
        RETURN close_request(p_key, jsonb_build_object('outcome', 'not_found'));
    ELSIF target.status <> 'allocated' THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'not_active'));
    ELSIF target.fencing_token <> p_fence THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'stale_fence'));
    END IF;

    ended := end_allocation(target, 'released', scheduler_clock());
    PERFORM count_ends(ARRAY[ended]);
    RETURN close_request(p_key, jsonb_build_object(
        'outcome', ended.status, 'allocationId', ended.id, 'deviceId', ended.device_id, 'userId', ended.user_id,
        'tenantId', ended.tenant_id, 'durationSeconds', ended.duration_seconds));
END $$;
