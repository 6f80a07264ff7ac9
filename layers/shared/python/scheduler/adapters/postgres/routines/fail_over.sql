-- Move an active allocation to another device, or (none fits, or p_may_move is false) end it as revoked. p_lost_since: since when
-- its device was of no use, which is credited; p_is_failure: that counts against the device; p_event: its subject is the device to
-- leave (without an id it is no event, and says only that). Settles: failover against release, renewal and expiry (usage row,
-- allocation, device, in the order that all follow), against claims (SKIP LOCKED), and against another failover of that device (who
-- has left it is left alone). Outcomes: moved | revoked | expired | not_found | not_active, or worth_retrying before the last
-- attempt, as in claim_device.
CREATE OR REPLACE FUNCTION fail_over(
    p_allocation uuid, p_reason text, p_lost_since timestamptz, p_is_failure boolean, p_terms quota_terms, p_may_move boolean,
    p_last_attempt boolean, p_key request_key, p_event incoming_event
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer jsonb;
    target device_allocations;
    held   quota_usage;
    old    devices;
    device devices;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    SELECT * INTO target FROM device_allocations WHERE id = p_allocation;  -- its owner never changes
    IF target.status = 'allocated' THEN
        held := lock_usage(target.tenant_id, target.user_id);
        SELECT * INTO target FROM device_allocations WHERE id = p_allocation FOR UPDATE;
        SELECT * INTO old FROM devices WHERE id = target.device_id FOR UPDATE;
    END IF;
    IF target.id IS NULL OR target.status <> 'allocated' OR target.device_id <> p_event.subject THEN
        PERFORM close_event(p_event);
        RETURN close_request(p_key, jsonb_build_object(
            'outcome', CASE WHEN target.id IS NULL THEN 'not_found' ELSE 'not_active' END));
    END IF;

    IF p_may_move AND target.expires_at > scheduler_clock() THEN
        device := take_spare_device(target, held, p_terms, p_last_attempt);
        IF device.id IS NULL AND NOT p_last_attempt
           AND worth_retrying(target.tenant_id, target.user_id, target.wants, NULL, NULL) THEN
            RETURN forget_request(p_key, jsonb_build_object('outcome', 'worth_retrying'));
        END IF;
    END IF;
    answer := leave_failed(target, old, device, p_reason, p_lost_since, p_is_failure, scheduler_clock());
    PERFORM close_event(p_event);
    RETURN close_request(p_key, answer);
END $$;
