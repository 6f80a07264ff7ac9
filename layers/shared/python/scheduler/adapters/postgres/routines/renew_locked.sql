-- Renew an allocation, or say why not: its later end, the device's, its history and the event. Called with its usage row, itself
-- and its device locked, with the clock read after that, and with the rows as they are under the locks (a batch reads them anew
-- for each item). Outcomes: renewed, or those of renewal_verdict.
CREATE OR REPLACE FUNCTION renew_locked(
    a device_allocations, d devices, held quota_usage, p_terms renewal_terms, p_minutes int, p_reason text, p_at timestamptz
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    verdict jsonb := renewal_verdict(a, d, held, p_terms, p_minutes, p_at);
    renewed device_allocations;
    facts   jsonb;
BEGIN
    IF verdict ->> 'outcome' <> 'renewable' THEN
        RETURN verdict;
    END IF;

    UPDATE device_allocations
       SET expires_at = a.expires_at + make_interval(mins => p_minutes), renewal_count = a.renewal_count + 1,
           renewed_minutes = a.renewed_minutes + p_minutes, last_renewed_at = p_at, is_warned = false
     WHERE id = a.id
    RETURNING * INTO renewed;
    UPDATE devices SET busy_until = renewed.expires_at WHERE id = a.device_id AND active_allocation_id = a.id;
    INSERT INTO allocation_renewals
        (allocation_id, number, renewed_at, additional_minutes, old_expires_at, new_expires_at, reason)
    VALUES (a.id, renewed.renewal_count, p_at, p_minutes, a.expires_at, renewed.expires_at, p_reason);

    facts := jsonb_build_object(
        'allocationId', a.id, 'deviceId', a.device_id, 'userId', a.user_id, 'tenantId', a.tenant_id,
        'oldExpiresAt', wire_time(a.expires_at), 'newExpiresAt', wire_time(renewed.expires_at),
        'additionalMinutes', p_minutes, 'renewalCount', renewed.renewal_count,
        'remainingRenewals', coalesce(p_terms.max_count - renewed.renewal_count, -1),
        'totalDurationMinutes', renewed.duration_minutes + renewed.renewed_minutes);
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('scheduler.allocation.renewed', a.id, a.device_id, a.tenant_id,
            facts || jsonb_build_object('renewedAt', wire_time(p_at), 'reason', p_reason), p_at);
    RETURN facts || jsonb_build_object('outcome', 'renewed');
END $$;
