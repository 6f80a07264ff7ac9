-- Write the event of a refusal, grouped by user because no device is concerned. A reason: the quota refused; none: the fleet did.
CREATE OR REPLACE FUNCTION refuse_claim(held quota_usage, terms quota_terms, p_reason text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at timestamptz := scheduler_clock();
BEGIN
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES (
        CASE WHEN p_reason IS NULL THEN 'scheduler.allocation.failed' ELSE 'scheduler.allocation.quota_exceeded' END,
        held.user_id, held.tenant_id || '|' || held.user_id, held.tenant_id,
        jsonb_build_object('userId', held.user_id, 'tenantId', held.tenant_id,
                           'reason', coalesce(p_reason, 'no_available_devices'), 'timestamp', wire_time(at)), at);
    IF p_reason IS NULL THEN
        RETURN jsonb_build_object('outcome', 'none_free');
    END IF;
    RETURN jsonb_build_object('outcome', 'over_quota', 'reason', p_reason,
                              'remainingDevices', remaining_devices(held, terms));
END $$;
