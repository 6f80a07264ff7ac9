-- Leave the device of an allocation: for another one, or for good. One whose time is over ends as expired. Called with usage row,
-- allocation and devices locked, and with the clock read after that.
CREATE OR REPLACE FUNCTION leave_failed(
    target device_allocations, old devices, device devices, p_reason text, p_lost_since timestamptz, p_is_failure boolean,
    p_at timestamptz
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    lost_since  timestamptz := CASE WHEN p_lost_since IS NULL THEN NULL ELSE least(p_lost_since, p_at) END;
    ended       device_allocations;
    answer      jsonb;
    quarantined boolean := false;
BEGIN
    IF device.id IS NOT NULL AND target.expires_at > p_at THEN
        answer := move_allocation(target, old, device, p_reason, lost_since, p_at);
    ELSE
        ended := revoke_locked(target, p_reason, p_at);
        PERFORM count_ends(ARRAY[ended]);
        answer := end_facts(ended);
        IF ended.status = 'revoked' THEN
            answer := answer || jsonb_build_object('creditedSeconds', close_segment(target, old, lost_since, p_reason, p_at, true));
        END IF;
    END IF;
    IF p_is_failure AND answer ->> 'outcome' <> 'expired' THEN
        UPDATE usage_records SET device_failed = true
         WHERE allocation_id = target.id AND segment = target.segment AND kind = 'usage';
        quarantined := count_failure(target.device_id, p_at);
    END IF;
    RETURN answer || jsonb_build_object('quarantined', quarantined);
END $$;
